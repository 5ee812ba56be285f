"""The report in Chromium, where there is one: it draws, complains about nothing, and lets nothing run.

What must hold without a browser is in ``test_html.py``.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from corrie.analysis.plane_geometry import PlaneGeometry
from corrie.records.paths import Difference
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.html import write_report
from corrie.testing.cliff_plane import cliff_plane
from corrie.testing.cliff_run import HOSTILE, KINDS, SAFETY, Kind, cliff_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

HARNESS = """<!doctype html><meta charset="utf-8"><iframe src="report.html" width="{width}" height="3000"></iframe>
<pre id="seen"></pre><script>
const frame = document.querySelector("iframe");
const wait = (until) => new Promise((done) => {{
  const look = () => until() ? done() : setTimeout(look, 50);
  look();
}});
frame.addEventListener("load", async () => {{
  const page = frame.contentDocument;
  await wait(() => page.documentElement.dataset.drawn);
  const [task, example, direction] = page.querySelectorAll("select");
  const [asked, said] = page.querySelectorAll(".said pre");
  const slider = page.querySelector("input[type=range]");
  const change = (control, value, event) => {{
    control.value = value;
    control.dispatchEvent(new Event(event));
  }};
  const seen = {{ tasks: [...task.options].map((o) => o.textContent), texts: [], labels: [] }};
  for (let t = 0; t < task.options.length; t += 1) {{
    change(task, t, "change");
    for (let e = 0; e < example.options.length; e += 1) {{
      change(example, e, "change");
      for (let i = 0; i <= Number(slider.max); i += 1) {{
        change(slider, i, "input");
        seen.texts.push(said.textContent, asked.textContent);
        seen.labels.push(page.querySelector(".badge").textContent);
      }}
    }}
  }}
  seen.title = page.title;
  seen.plots = page.querySelectorAll(".plot").length;
  seen.drawn = page.querySelectorAll(".plot .main-svg").length;
  seen.images = page.querySelectorAll("img, iframe, object, embed").length;
  seen.wide = page.documentElement.scrollWidth > page.documentElement.clientWidth;
  document.getElementById("seen").textContent = JSON.stringify(seen);
}});
</script>"""


def look(tmp_path: Path, store, width: int = 1100) -> dict:
    """Open the report in a frame, walk through all its answers, and say what was seen; fail on any complaint."""
    write_report([store], tmp_path / "report.html")
    (tmp_path / "harness.html").write_text(HARNESS.format(width=width), encoding="utf-8")
    options = "headless no-sandbox disable-gpu no-first-run disable-background-networking allow-file-access-from-files"
    command = [
        str(CHROMIUM),
        *(f"--{option}" for option in options.split()),
        f"--user-data-dir={tmp_path / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        "--virtual-time-budget=20000",
        "--dump-dom",
        (tmp_path / "harness.html").as_uri(),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)}
    )
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert complaints == []
    found = re.search(r'<pre id="seen">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))


def test_it_draws_shows_hostile_answers_as_text_and_runs_nothing_of_them(tmp_path: Path) -> None:
    kinds = (KINDS[2], SAFETY, Kind("chess", 0.01, 0.2, 0.2, "choice", 2.0))
    seen = look(tmp_path, cliff_run(kinds=kinds, directions=3, examples=30))
    assert seen["plots"] == 11
    assert seen["drawn"] >= seen["plots"]
    assert seen["tasks"] == ["math", "safety", "chess"]
    assert any(HOSTILE[0] in text for text in seen["texts"])
    assert {"right", "wrong", "collapsed", "refused", "complied"} <= set(seen["labels"])
    assert not any("I cannot help" in text for text in seen["texts"])
    assert seen["title"] == "Basins of toy"
    assert seen["images"] == 0


def test_normalised_two_sided_and_narrow(tmp_path: Path) -> None:
    grid = AlphaGrid.between(-0.02, 0.02, 5)
    store = cliff_run(kinds=KINDS[:2], directions=2, examples=20, alphas=grid, normalisation="filter")
    seen = look(tmp_path, store, width=390)
    assert seen["drawn"] >= seen["plots"] == 7
    assert not seen["wide"]  # no sideways scrolling on a telephone


def test_planes_are_drawn_where_there_is_no_3d_too(tmp_path: Path) -> None:
    """Contours are drawn; a surface needs WebGL, and without it the drawing library says so in its place."""
    lies = PlaneGeometry(100.0, 80.0, 0.5)
    grid = AlphaGrid.between(0.0, 1.0, 5)
    ends = (Difference(base="a" * 64, tuned=t * 64, tuned_name=HOSTILE[0]) for t in "bc")
    store = cliff_plane(examples=10, kinds=KINDS[2:3], directions=tuple(ends), alpha=grid, beta=grid, geometry=lies)  # type: ignore[arg-type]
    write_report([store], tmp_path / "report.html")
    command = [
        str(CHROMIUM),
        *(f"--{option}" for option in ["headless", "no-sandbox", "disable-gpu", "disable-3d-apis", "no-first-run"]),
        f"--user-data-dir={tmp_path / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        "--virtual-time-budget=5000",
        "--dump-dom",
        (tmp_path / "report.html").as_uri(),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, env={**os.environ, "HOME": str(tmp_path)}
    )
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line and "webgl setup failed" not in line]
    assert complaints == []
    assert 'data-drawn="true"' in done.stdout
    drawn = done.stdout.count('class="contourfill"')
    assert drawn >= 2, "score and loss"
    assert done.stdout.count("WebGL is not supported") >= 1
    assert "<title>Basins of toy</title>" in done.stdout
