"use strict";
/* Draws the report. Everything a model or a user wrote arrives as JSON and leaves as textContent,
   or, in Plotly's labels, through plain(). No markup is ever made of it. */
(() => {
  const report = JSON.parse(document.getElementById("corrie-data").textContent);
  const narrow = () => window.innerWidth < 740;

  /* ── small words ── */

  /** Text for Plotly, which reads a little markup and %{…}: neither shall come from data. */
  const plain = (text) =>
    String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%{", "%\u200b{");

  const number = (value, digits = 3) => (value === null ? "–" : String(Number(value.toPrecision(digits))));

  const fade = (colour, opacity) => {
    const n = parseInt(colour.slice(1), 16);
    return `rgba(${n >> 16}, ${(n >> 8) & 255}, ${n & 255}, ${opacity})`;
  };

  /** The page's colours as they are now, on light or dark paper. */
  const look = () => {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    return {
      of,
      ink: of("ink"),
      soft: of("soft"),
      faint: of("faint"),
      rule: of("rule"),
      grid: of("grid"),
      font: of("text"),
      tone: (task) => of(`s${task.tone}`),
    };
  };

  const layout = (theme, more) => ({
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: theme.font, size: 12.5, color: theme.soft },
    margin: { l: 62, r: 12, t: 10, b: 46 },
    showlegend: false,
    hovermode: "x unified",
    hoverlabel: { bgcolor: theme.of("card"), bordercolor: theme.rule, font: { color: theme.ink, size: 12 } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.faint, activecolor: theme.ink },
    dragmode: false,
    ...more,
  });

  const axis = (theme, title, more) => ({
    title: { text: title, standoff: 8, font: { size: 12.5 } },
    gridcolor: theme.grid,
    linecolor: theme.rule,
    zeroline: false,
    ticks: "outside",
    ticklen: 4,
    tickcolor: theme.rule,
    tickformat: "~g",
    fixedrange: true,
    automargin: false, // margins are fixed below: figures that line up, and no redrawing
    ...more,
  });

  const stepName = (run) => (run.raw ? "σ, noise per weight" : run.path ? "α, from the model (0) to where the path leads (1)" : "α, step along a normalised direction");
  const stepLetter = (run) => (run.raw ? "σ" : "α");

  /** How far the run looked, to the left and to the right. */
  const reach = (run) => {
    const all = run.tasks.flatMap((task) => task.alphas);
    const [low, high] = [Math.min(0, ...all), Math.max(...all)];
    const pad = (high - low || 1) * 0.025;
    return [low - pad, high + pad];
  };

  /** Round numbers over a range, about so many. */
  const roundTicks = (low, high, count) => {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough);
    const ticks = [];
    for (let k = Math.ceil(low / step); k * step <= high; k += 1) ticks.push(Number((k * step).toPrecision(12)));
    return ticks;
  };

  const band = (alphas, low, high, colour) => {
    const known = alphas.map((_, i) => i).filter((i) => low[i] !== null && high[i] !== null);
    return {
      x: [...known.map((i) => alphas[i]), ...known.map((i) => alphas[i]).reverse()],
      y: [...known.map((i) => high[i]), ...known.map((i) => low[i]).reverse()],
      fill: "toself",
      fillcolor: fade(colour, 0.16),
      line: { width: 0 },
      mode: "lines",
      hoverinfo: "skip",
    };
  };

  /** Outcomes as points as large as they are many, and the fitted curve with its band. */
  const scattered = (task) => task.fit !== null && task.fit.scattered;
  const share = (task, score) => (score === null ? null : (score - task.chance) / (task.unmoved - task.chance));
  const points = (task, colour, y, hover) => ({
    x: task.fit.points, y, mode: "markers", customdata: task.fit.outcomes,
    marker: {
      color: fade(colour, 0.35), line: { color: colour, width: 1 },
      size: task.fit.outcomes.map((n) => Math.min(22, 3 + 2 * Math.sqrt(n / 4))),
    },
    hovertemplate: `${hover} (%{customdata} outcomes)<extra></extra>`,
  });
  const fitted = (task, theme) => {
    if (task.fit === null) return [];
    const colour = scattered(task) ? theme.tone(task) : theme.soft;
    return [
      band(task.fit.sigma, task.fit.low, task.fit.high, colour),
      {
        x: task.fit.sigma, y: task.fit.middle, mode: "lines", hoverinfo: "skip",
        line: { color: colour, width: scattered(task) ? 2.6 : 1.4, dash: scattered(task) ? task.dash : "dot" },
      },
    ];
  };

  /** The single directions, the band over them, their mean. */
  const lines = (run, task, curves, theme, unit, digits) => {
    const colour = theme.tone(task);
    if (scattered(task))
      return [{
        x: task.alphas, y: curves.mean, mode: "markers", marker: { color: fade(colour, 0.6), size: 6 },
        hovertemplate: `%{y:.${digits}f}${unit}<extra></extra>`,
      }];
    const each = curves.each.map((y) => ({
      x: task.alphas,
      y,
      mode: "lines",
      line: { color: fade(colour, 0.3), width: 1 },
      hoverinfo: "skip",
      connectgaps: true,
    }));
    return [
      band(task.alphas, curves.low, curves.high, colour),
      ...each,
      {
        x: task.alphas,
        y: curves.mean,
        customdata: task.alphas.map((_, i) => [curves.low[i], curves.high[i]]),
        mode: "lines+markers",
        line: { color: colour, width: 2.6, dash: task.dash },
        marker: { color: colour, size: 6, symbol: task.marker },
        connectgaps: true,
        hovertemplate:
          `%{y:.${digits}f}${unit} (${Math.round(task.band * 100)} % of directions: ` +
          `%{customdata[0]:.${digits}f} to %{customdata[1]:.${digits}f})<extra></extra>`,
      },
    ];
  };

  /** Where the basin ends, with its interval. */
  const edge = (run, task, theme) => {
    const { sigma, low, high, status, tried } = task.basin;
    if (!run.raw || low === null || !tried) return [];
    const colour = theme.tone(task);
    const shapes = [];
    const end = high === null ? reach(run)[1] : high;
    if (status === "found" || status === "before_first_step")
      shapes.push({
        type: "rect", x0: low, x1: end, y0: 0, y1: 1, yref: "paper",
        fillcolor: fade(colour, 0.09), line: { width: 0 }, layer: "below",
      });
    if (sigma !== null)
      shapes.push({
        type: "line", x0: sigma, x1: sigma, y0: 0, y1: 1, yref: "paper",
        line: { color: colour, width: 1.4, dash: "dash" },
      });
    return shapes;
  };

  const level = (y, dash, theme) => ({
    type: "line", x0: 0, x1: 1, xref: "paper", y0: y, y1: y,
    line: { color: theme.faint, width: 1.1, dash },
  });

  /** Where a curve is far from chance: at the unmoved model. */
  const atStart = (run) => ({ x: 0, xref: "x", xanchor: reach(run)[0] < -0.1 * reach(run)[1] ? "center" : "left", xshift: 4 });

  const note = (text, y, theme, more) => ({
    text, x: 1, xref: "paper", xanchor: "right", y, yanchor: "bottom", showarrow: false,
    font: { size: 11.5, color: theme.faint }, ...more,
  });

  /* ── the figures ── */

  const figures = {
    /** Every capability's retained share over σ, and below it how far each basin reaches. */
    basins(run, _, theme) {
      const tasks = run.tasks.filter((task) => task.retained);
      const far = ({ basin }) => {
        if (basin.status === "beyond_range") return Infinity;
        return basin.sigma ?? (basin.status === "no_sigma" ? Math.min(Infinity, ...basin.edges) : -1);
      };
      const order = [...run.tasks].sort((a, b) => far(a) - far(b));
      const [low, high] = reach(run);
      const longest = Math.max(...run.tasks.map((task) => task.name.length), 0);
      const left = Math.min(Math.max(84, 16 + 8.4 * longest), narrow() ? 110 : 230);
      const short = (name) => {
        const room = Math.floor((left - 16) / 8.4);
        return name.length > room ? `${name.slice(0, room - 1)}…` : name;
      };
      const traces = tasks.filter((task) => !scattered(task)).map((task) => ({
        x: task.alphas,
        y: task.retained,
        name: plain(task.name),
        mode: "lines+markers",
        line: { color: theme.tone(task), width: 2.4, dash: task.dash },
        marker: { color: theme.tone(task), size: 6.5, symbol: task.marker },
        connectgaps: true,
        hovertemplate: `${plain(task.name)}: %{y:.0%} kept<extra></extra>`,
      }));
      tasks.filter(scattered).forEach((task) => {
        const colour = theme.tone(task);
        const of = (score) => score.map((s) => share(task, s));
        traces.push(points(task, colour, of(task.fit.score), `${plain(task.name)}: %{y:.0%} kept`), {
          x: task.fit.sigma, y: of(task.fit.middle), mode: "lines", hoverinfo: "skip",
          line: { color: colour, width: 2.4, dash: task.dash },
        });
      });
      const shapes = [
        { type: "line", xref: "paper", x0: 0, x1: 1, y0: 1, y1: 1, line: { color: theme.rule, width: 1 } },
        { type: "line", xref: "paper", x0: 0, x1: 1, y0: 0, y1: 0, line: { color: theme.faint, width: 1.1, dash: "dot" } },
      ];
      const retention = run.tasks.length ? run.tasks[0].retention : 0.95;
      shapes.push({
        type: "line", xref: "paper", x0: 0, x1: 1, y0: retention, y1: retention,
        line: { color: theme.faint, width: 1, dash: "dash" },
      });
      const annotations = [
        note("chance", 0, theme, atStart(run)),
      ];
      const kept = { ...atStart(run), yanchor: "top" };
      if (!narrow()) annotations.push(note(`${number(retention * 100)} % kept`, retention, theme, kept));
      order.forEach((task, row) => {
        const colour = theme.tone(task);
        const { sigma, low: from, high: to, status, tried, edges } = task.basin;
        annotations.push({
          text: plain(short(task.name)), xref: "paper", x: 0, xanchor: "right", xshift: -8, yref: "y2", y: row,
          showarrow: false, font: { color: colour, size: 12.5, weight: 600 },
        });
        const says = status === "absent" ? `${task.basin.says}: cannot be told from chance` : task.basin.says;
        if (says && status !== "no_sigma") {
          annotations.push({
            text: says, xref: "x", x: 0, xanchor: "left", xshift: 6, yref: "y2", y: row, showarrow: false,
            font: { color: theme.faint, size: 12 },
          });
          return;
        }
        const end = status === "found" ? sigma : status === "beyond_range" ? tried[1] : 0;
        if (run.raw)
          shapes.push({
            type: "rect", xref: "x", yref: "y2", x0: 0, x1: end, y0: row - 0.34, y1: row + 0.34,
            fillcolor: fade(colour, 0.3), line: { width: 0 },
          });
        traces.push({
          x: edges, y: edges.map(() => row), yaxis: "y2", mode: "markers", hoverinfo: "skip",
          marker: { symbol: "line-ns-open", size: 11, color: fade(colour, 0.75), line: { width: 1.2 } },
        });
        if (!run.raw) return;
        const limit = to === null ? high : to;
        traces.push({
          x: [end], y: [row], yaxis: "y2", mode: "markers",
          marker: {
            symbol: { found: "diamond", beyond_range: "triangle-right", before_first_step: "triangle-left" }[status],
            size: 12, color: colour, line: { color: theme.of("paper"), width: 1.2 },
          },
          error_x: {
            type: "data", symmetric: false, array: [Math.max(0, limit - end)], arrayminus: [Math.max(0, end - from)],
            color: colour, thickness: 2, width: to === null ? 0 : 6,
          },
          hovertemplate:
            `${plain(task.name)}: σ ${plain(task.basin.sign)} ` +
            `${number(status === "before_first_step" ? tried[0] : end)} ` +
            `[${number(from)}, ${to === null ? "∞)" : `${number(to)}]`}<extra></extra>`,
        });
      });
      const strip = Math.min(0.5, 0.1 + 0.055 * order.length);
      const base = run.raw ? 0.125 : 0;
      const split = base + (1 - base) * strip;
      const scaled = (factor, more) => {
        const ticks = roundTicks(low * factor, high * factor, narrow() ? 3 : 6);
        return axis(theme, "", {
          matches: "x", overlaying: "x", tickvals: ticks.map((t) => t / factor), showgrid: false, ...more,
        });
      };
      const result = {
        traces,
        layout: layout(theme, {
          margin: { l: left, r: 14, t: run.raw ? 46 : 12, b: 46 },
          hovermode: "closest",
          shapes,
          annotations,
          xaxis: axis(theme, stepName(run), {
            range: [low, high], anchor: run.raw ? "free" : "y2", position: base, nticks: narrow() ? 5 : 9,
          }),
          yaxis: axis(theme, narrow() ? "score above chance kept" : "share of the score above chance kept", {
            domain: [split + 0.035, 1], range: [-0.13, 1.13], tickformat: ".0%", tickvals: [0, 0.25, 0.5, 0.75, 1],
            title: { standoff: 6, font: { size: 12.5 }, text: narrow() ? "score kept" : "share of the score above chance kept" },
          }),
          yaxis2: axis(theme, "", {
            domain: [base, split], range: [-0.65, order.length - 0.35], showticklabels: false, ticks: "", showgrid: false,
          }),
        }),
      };
      if (run.raw) {
        const text = (values, unit) => values.map((v) => `${number(v)}${unit}`);
        const above = scaled(run.root, { side: "top" });
        above.ticktext = text(above.tickvals.map((t) => t * run.root), "");
        above.title = { text: "L2 distance, σ√d", standoff: 6, font: { size: 12.5 } };
        const below = scaled(100 / run.rms, { side: "bottom", anchor: "free", position: 0 });
        below.ticktext = text(below.tickvals.map((t) => (t * 100) / run.rms), " %");
        below.title = { text: "σ as a share of a typical weight, ‖θ₀‖/√d", standoff: 8, font: { size: 12.5 } };
        result.layout.xaxis2 = { ...above, anchor: "y" };
        result.layout.xaxis3 = below;
        traces.push({ x: [null], y: [null], xaxis: "x2", hoverinfo: "skip" });
        traces.push({ x: [null], y: [null], xaxis: "x3", yaxis: "y2", hoverinfo: "skip" });
      }
      return result;
    },

    score(run, task, theme) {
      const annotations = [];
      const shapes = edge(run, task, theme);
      if (task.unmoved !== null) {
        shapes.push(level(task.unmoved, "dot", theme));
        annotations.push(note(`unmoved ${number(task.unmoved)}`, task.unmoved, theme));
      }
      if (task.chance > 0) {
        shapes.push(level(task.chance, "dot", theme));
        const tight = task.unmoved !== null && Math.abs(task.unmoved - task.chance) < 0.12;
        const where = { ...atStart(run), yanchor: tight ? "top" : "bottom" };
        annotations.push(note(`chance ${number(task.chance)}`, task.chance, theme, where));
      }
      return {
        traces: [
          ...fitted(task, theme),
          ...(scattered(task)
            ? [points(task, theme.tone(task), task.fit.score, "score %{y:.3f}")]
            : lines(run, task, task.score, theme, "", 3)),
        ],
        layout: layout(theme, {
          shapes, annotations,
          xaxis: axis(theme, stepName(run), { range: reach(run), nticks: 7, hoverformat: ".4~g", unifiedhovertitle: { text: `${stepLetter(run)} = %{x}` } }),
          yaxis: axis(theme, "score", { range: [-0.03, 1.06], tickvals: [0, 0.25, 0.5, 0.75, 1] }),
        }),
      };
    },

    loss(run, task, theme) {
      return {
        traces: lines(run, task, task.loss, theme, " nats", 2),
        layout: layout(theme, {
          shapes: edge(run, task, theme),
          xaxis: axis(theme, stepName(run), { range: reach(run), nticks: 7, hoverformat: ".4~g", unifiedhovertitle: { text: `${stepLetter(run)} = %{x}` } }),
          yaxis: axis(theme, "nats per token", { rangemode: "tozero" }),
        }),
      };
    },

    /** What became of the examples: shares of labels, stacked. */
    composition(run, task, theme) {
      const traces = Object.entries(task.composition).map(([label, y]) => ({
        x: task.alphas, y, name: label, stackgroup: "all", mode: "lines",
        line: { width: 0.8, color: theme.of("card") },
        fillcolor: theme.of(label),
        hovertemplate: `${plain(label)} %{y:.0%}<extra></extra>`,
      }));
      return {
        traces,
        layout: layout(theme, {
          showlegend: true,
          legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 }, traceorder: "normal" },
          margin: { l: 62, r: 12, t: 30, b: 46 },
          shapes: edge(run, task, theme)
            .filter((shape) => shape.type === "line")
            .map((shape) => ({ ...shape, line: { ...shape.line, color: theme.of("card") } })),
          xaxis: axis(theme, stepName(run), { range: reach(run), nticks: 9, hoverformat: ".4~g" }),
          yaxis: axis(theme, "share of outputs", { range: [0, 1], tickformat: ".0%" }),
        }),
      };
    },

    cosine: (run, _, theme) => step(run, run.steps.cosine, "cosine", theme),
    ratio: (run, _, theme) => step(run, run.steps.ratio, "realised / asked", theme),
  };

  const step = (run, values, title, theme) => ({
    traces: [
      band(run.steps.alphas, values.min, values.max, theme.of("focus")),
      {
        x: run.steps.alphas, y: values.mean, mode: "lines+markers",
        line: { color: theme.of("focus"), width: 2.2 }, marker: { size: 6 },
        hovertemplate: "%{y:.4f}<extra></extra>",
      },
    ],
    layout: layout(theme, {
      shapes: [level(1, "dot", theme)],
      xaxis: axis(theme, stepName(run), { range: reach(run), nticks: 7, hoverformat: ".4~g" }),
      yaxis: axis(theme, title, around(values)),
    }),
  });

  /** A range in which numbers near 1 can be told apart, and in which 1 can be seen. */
  const around = (values) => {
    const all = [...values.min, ...values.max, 1].filter((v) => v !== null);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const pad = Math.max(0.02, (high - low) * 0.12);
    return { range: [low - pad, high + pad] };
  };

  /* ── planes ── */

  const extent = (values) => {
    const known = values.flat().filter((v) => v !== null);
    return [Math.min(...known), Math.max(...known)];
  };

  /** From the paper to the task's own colour. */
  const ramp = (theme, colour) => [[0, theme.of("wash")], [1, colour]];

  /** What an axis is, and how far a round step on it goes. */
  const axisTitle = (letter, { says, unit, length }, values) => {
    const step = roundTicks(...extent(values), 5).at(-1);
    const far = length === null || !step ? "" : `; ${number(step)} is L2 ${number(step * length)}`;
    return `${letter} ${plain(says)}<br>${unit}${far}`;
  };

  /** Marks and the straight ways between them, on the page. */
  const overlay = (plane, theme) => {
    const marks = plane.marks.map((mark) => ({ ...mark.flat, name: mark.name }));
    const [low, high] = extent(plane.flat.x);
    const ways = marks.flatMap((from, i) =>
      marks.slice(i + 1).map((to) => ({
        x: [from.x, to.x], y: [from.y, to.y], mode: "lines", hoverinfo: "skip",
        line: { color: theme.ink, width: 1.4, dash: "dash" },
      })),
    );
    const dots = {
      x: marks.map((m) => m.x), y: marks.map((m) => m.y), mode: "markers", hoverinfo: "skip",
      marker: { size: 9, color: theme.of("paper"), line: { color: theme.ink, width: 1.8 } },
    };
    const labels = marks.map((mark, i) => ({
      x: mark.x, y: mark.y, text: plain(mark.name), showarrow: false, yshift: i ? 15 : -15,
      xanchor: mark.x > low + 0.6 * (high - low) ? "right" : "left", xshift: mark.x > low + 0.6 * (high - low) ? 8 : -8,
      font: { color: theme.ink, size: 12.5, weight: 600 }, bgcolor: fade(theme.of("card"), 0.72), borderpad: 1,
    }));
    return { traces: [...ways, dots], labels };
  };

  /** Covers what lies beside a skewed plane: a frame with a hole, as one line around both. */
  const cover = (plane, theme) => {
    const hole = plane.flat.outline;
    if (!hole.length) return [];
    const [x0, x1] = extent(plane.flat.x);
    const [y0, y1] = extent(plane.flat.y);
    const [px, py] = [(x1 - x0) * 0.01, (y1 - y0) * 0.01];
    const frame = [[x0 - px, y0 - py], [x0 - px, y1 + py], [x1 + px, y1 + py], [x1 + px, y0 - py]];
    const around = [...frame, frame[0], hole[0], ...hole.slice(1), hole[0], frame[0]];
    return [{
      x: around.map(([x]) => x), y: around.map(([, y]) => y), mode: "lines", line: { width: 0 }, hoverinfo: "skip",
      fill: "toself", fillcolor: theme.of("card"),
    }];
  };

  const flat = (plane, z, contours, [zmin, zmax], colours, theme, unit) => {
    const over = overlay(plane, theme);
    const [x0, x1] = extent(plane.flat.x);
    const [y0, y1] = extent(plane.flat.y);
    const scale = plane.square ? plane.ratio : 1;
    const sides = (x1 - x0) / ((y1 - y0) * scale);
    const scaled = plane.known && sides > 1 / 3 && sides < 3;
    const titles = plane.square
      ? [axisTitle("α", plane.axes[0], plane.alpha), axisTitle("β", plane.axes[1], plane.beta)]
      : [`L2 distance ${plain(plane.axes[0].says)}`, `L2 distance across, ${plain(plane.axes[1].says)}`];
    const place = plane.square ? "α %{x:.4~g}, β %{y:.4~g}" : "L2 %{x:.4~g}, %{y:.4~g}";
    return {
      traces: [
        {
          type: "contour", x: plane.flat.x, y: plane.flat.y, z, contours, colorscale: colours, connectgaps: false,
          zmin, zmax,
          line: { width: 0.6, color: theme.of("card"), smoothing: 0 },
          colorbar: { thickness: 10, len: 0.9, outlinewidth: 0, tickfont: { size: 11 }, tickformat: ".3~g" },
          hovertemplate: `${place}: %{z:.3f}${unit}<extra></extra>`,
        },
        ...cover(plane, theme),
        ...over.traces,
      ],
      layout: layout(theme, {
        hovermode: "closest",
        annotations: over.labels,
        margin: { l: 86, r: 8, t: 12, b: 64 },
        xaxis: axis(theme, titles[0], { range: [x0, x1], nticks: 6, showgrid: false, constrain: "domain" }),
        yaxis: axis(theme, titles[1], {
          range: [y0, y1], nticks: 6, showgrid: false, constrain: "domain",
          ...(scaled ? { scaleanchor: "x", scaleratio: scale } : {}),
        }),
      }),
    };
  };

  /** A statement's chart: its lines, a level such as chance, a mark such as the distance that was asked about. */
  const chart = (data, theme) => {
    const many = data.lines.length > 1;
    const colour = (i) => theme.of(`s${i % 6}`);
    const shapes = [];
    const annotations = [];
    if (data.level) {
      shapes.push(level(data.level.at, "dot", theme));
      annotations.push(note(plain(`${data.level.name} ${number(data.level.at)}`), data.level.at, theme));
    }
    if (data.mark) {
      shapes.push({
        type: "line", x0: data.mark.at, x1: data.mark.at, y0: 0, y1: 1, yref: "paper",
        line: { color: theme.faint, width: 1.2, dash: "dash" },
      });
      annotations.push({
        text: plain(`${data.mark.name} ${number(data.mark.at)}`), x: data.mark.at, xanchor: "left", xshift: 4, y: 1,
        yref: "paper", yanchor: "top", showarrow: false, font: { size: 11.5, color: theme.faint },
      });
    }
    return {
      traces: data.lines.map((line, i) => ({
        x: line.x, y: line.y, name: plain(line.name), mode: line.x.length > 30 ? "lines" : "lines+markers",
        line: { color: colour(i), width: 2.4 }, marker: { color: colour(i), size: 6 }, connectgaps: true,
        hovertemplate: `%{y:.3f} ${plain(line.name)}<extra></extra>`,
      })),
      layout: layout(theme, {
        shapes, annotations, showlegend: many,
        legend: { orientation: "h", y: -0.25, font: { color: theme.soft } },
        xaxis: axis(theme, plain(data.across), { nticks: 7, hoverformat: ".4~g" }),
        yaxis: axis(theme, plain(data.up), { range: [-0.03, 1.06], tickvals: [0, 0.25, 0.5, 0.75, 1] }),
      }),
    };
  };

  const planeFigures = {
    contour(plane, task, theme) {
      const levels = { start: 0.1, end: 0.9, size: 0.1 };
      const figure = flat(plane, task.flat.score, levels, [0, 1], ramp(theme, theme.tone(task)), theme, "");
      if (task.level !== null)
        figure.traces.splice(1, 0, {
          type: "contour", x: plane.flat.x, y: plane.flat.y, z: task.flat.score, hoverinfo: "skip", showscale: false,
          connectgaps: false, autocontour: false, contours: { coloring: "none", start: task.level, end: task.level, size: 1 },
          line: { color: theme.ink, width: 2.2, smoothing: 0 },
        });
      return figure;
    },

    lossContour(plane, task, theme) {
      const [low, high] = extent(task.flat.loss);
      const ticks = roundTicks(low, high > low ? high : low + 1, 10);
      const levels = { start: ticks[0], end: ticks.at(-1), size: ticks.length > 1 ? ticks[1] - ticks[0] : 1 };
      const colours = [[0, theme.tone(task)], [1, theme.of("wash")]];
      return flat(plane, task.flat.loss, levels, [low, high], colours, theme, " nats");
    },

    surface(plane, task, theme) {
      const [x0, x1] = extent(plane.x);
      const [y0, y1] = extent(plane.y);
      const sides = Math.min(Math.max((y1 - y0) / (x1 - x0 || 1), 0.4), 2.5);
      const long = Math.max(1, sides);
      const side = (title) => ({
        title: { text: title, font: { size: 11.5 } }, tickfont: { size: 10.5 }, nticks: 5, gridcolor: theme.rule,
        zeroline: false, showbackground: false, color: theme.soft, tickformat: "~g", showspikes: false,
      });
      const lifted = (z, by) => z.map((v) => (v === null ? null : v + by));
      return {
        traces: [
          {
            type: "surface", x: plane.x, y: plane.y, z: task.score, cmin: 0, cmax: 1, showscale: false,
            colorscale: ramp(theme, theme.tone(task)), connectgaps: false,
            contours: {
              z: { show: true, start: 0.1, end: 0.9, size: 0.1, color: theme.of("card"), width: 1 },
              x: { highlight: false }, y: { highlight: false },
            },
            lighting: { ambient: 0.86, diffuse: 0.4, specular: 0.05, roughness: 0.9 },
            hovertemplate: "score %{z:.3f}<extra></extra>",
          },
          ...task.ways.map((way) => ({
            type: "scatter3d", mode: "lines", x: way.x, y: way.y, z: lifted(way.z, 0.012), hoverinfo: "skip",
            line: { color: theme.ink, width: 4 },
          })),
          {
            type: "scatter3d", mode: "markers+text", x: plane.marks.map((m) => m.x), y: plane.marks.map((m) => m.y),
            z: lifted(task.heights, 0.03), text: plane.marks.map((m) => plain(m.name)), textposition: "top right",
            textfont: { color: theme.ink, size: 12 }, hoverinfo: "skip",
            marker: { size: 4.5, color: theme.of("paper"), line: { color: theme.ink, width: 2 } },
          },
        ],
        layout: layout(theme, {
          margin: { l: 0, r: 0, t: 0, b: 0 },
          scene: {
            dragmode: "orbit",
            xaxis: side(`${plane.known ? "L2" : "α"} ${plain(plane.axes[0].says)}`),
            yaxis: side(`${plane.known ? "L2" : "β"} ${plane.square ? plain(plane.axes[1].says) : "across"}`),
            zaxis: { ...side("score"), range: [0, 1.08] },
            aspectmode: "manual",
            aspectratio: { x: 1.25 / long, y: (1.25 * sides) / long, z: 0.62 },
            camera: { eye: { x: 1.2, y: -1.45, z: 1.1 }, center: { x: 0, y: 0, z: -0.1 } },
          },
        }),
      };
    },
  };

  /* ── drawing ── */

  const CONFIG = {
    responsive: true,
    scrollZoom: false,
    displaylogo: false,
    displayModeBar: "hover",
    modeBarButtons: [["toImage"]],
    toImageButtonOptions: { format: "svg", filename: "corrie" },
  };

  const draw = (place) => {
    const run = report.runs[Number(place.dataset.run)];
    if (place.dataset.chart !== undefined) {
      const drawn = chart(run.charts[Number(place.dataset.chart)], look());
      return Plotly.react(place, drawn.traces, drawn.layout, CONFIG);
    }
    if (place.dataset.plane !== undefined) {
      const plane = run.planes[Number(place.dataset.plane)];
      const drawn = planeFigures[place.dataset.figure](plane, plane.tasks[Number(place.dataset.task)], look());
      return Plotly.react(place, drawn.traces, drawn.layout, CONFIG);
    }
    const task = run.tasks[Number(place.dataset.task ?? 0)];
    const figure = figures[place.dataset.figure](run, task, look());
    return Plotly.react(place, figure.traces, figure.layout, CONFIG);
  };

  const places = [...document.querySelectorAll(".plot")];
  const drawAll = () => Promise.all(places.map(draw));

  /* ── the model's own answers ── */

  const make = (tag, more = {}, text = "") => {
    const element = document.createElement(tag);
    Object.assign(element, more);
    if (text) element.textContent = text;
    return element;
  };

  const labelled = (text, control) => {
    const label = make("label", {}, text);
    label.append(control);
    return label;
  };

  const menu = (options) => {
    const select = make("select");
    options.forEach((text, i) => select.append(make("option", { value: String(i) }, text)));
    return select;
  };

  const explore = (place) => {
    const tasks = report.runs[Number(place.dataset.run)].answers;
    const letter = stepLetter(report.runs[Number(place.dataset.run)]);
    const byTask = menu(tasks.map((task) => task.task));
    const byExample = make("select");
    const byDirection = make("select");
    const slider = make("input", { type: "range", min: "0", step: "1" });
    const strip = make("div", { className: "strip" });
    const legend = make("ul", { className: "legend" });
    const prompt = make("pre");
    const answer = make("pre");
    const asked = make("h4");
    const heard = make("h4");
    const sliderName = make("span");
    const slide = make("div", { className: "slide" });
    const sliderLabel = make("label");
    sliderLabel.append(sliderName, slider);
    slide.append(sliderLabel, strip, legend);

    const refill = (select, options) => {
      const kept = Math.min(Number(select.value || 0), options.length - 1);
      select.replaceChildren(...options.map((text, i) => make("option", { value: String(i) }, text)));
      select.value = String(kept);
    };

    const show = () => {
      const task = tasks[Number(byTask.value)];
      const example = task.examples[Number(byExample.value)];
      const line = example.lines[Number(byDirection.value)];
      const at = Number(slider.value);
      const entry = line[at];
      sliderName.textContent = task.alphas[at] === 0 ? "the unmoved model" : `${letter} = ${number(task.alphas[at], 4)}`;
      slider.setAttribute("aria-valuetext", `${sliderName.textContent}, ${entry ? entry[0] : "not scored"}`);
      [...strip.children].forEach((cell, i) => cell.setAttribute("aria-current", String(i === at)));
      asked.replaceChildren(make("span", {}, "Asked"));
      if (example.target) asked.append(make("span", {}, `· looked for: ${example.target.trim()}`));
      const withheld = "Withheld: this task's prompts are harmful requests. Labels only.";
      prompt.textContent = task.withheld ? withheld : example.prompt;
      prompt.classList.toggle("empty", task.withheld);
      heard.replaceChildren(make("span", {}, "Answered"));
      if (entry) {
        const badge = make("span", { className: "badge" }, entry[0]);
        badge.style.setProperty("--tone", `var(--${entry[0]})`);
        heard.append(badge);
      }
      const said = !entry ? "(not scored here)" : task.withheld ? withheld : entry[2] || "(nothing)";
      answer.textContent = said;
      answer.classList.toggle("empty", !entry || task.withheld || !entry[2]);
    };

    const lay = () => {
      const task = tasks[Number(byTask.value)];
      refill(byExample, task.examples.map((example) => example.id));
      refill(byDirection, task.directions);
      const count = task.alphas.length;
      slider.max = String(count - 1);
      slider.style.width = `calc(100% - 100% / ${count} + 1rem)`; // the thumb stands over the middle of its cell
      slider.style.marginLeft = `calc(50% / ${count} - 0.5rem)`;
      const line = task.examples[Number(byExample.value)].lines[Number(byDirection.value)];
      const seen = new Set();
      strip.replaceChildren(
        ...line.map((entry, i) => {
          const label = entry ? entry[0] : "not scored";
          const name = `${letter} = ${number(task.alphas[i], 4)}: ${label}`;
          const cell = make("button", { type: "button", title: name }, label[0]);
          cell.setAttribute("aria-label", name);
          if (entry) {
            seen.add(label);
            cell.style.setProperty("--tone", `var(--${label})`);
          }
          cell.addEventListener("click", () => {
            slider.value = String(i);
            show();
          });
          return cell;
        }),
      );
      legend.replaceChildren(
        ...[...seen].map((label) => {
          const item = make("li");
          const mark = make("span", { className: "mark" });
          mark.style.setProperty("--tone", `var(--${label})`);
          item.append(mark, `${label[0]} · ${label}`);
          return item;
        }),
      );
      show();
    };

    const choices = make("div", { className: "choices" });
    choices.append(labelled("Task", byTask), labelled("Example", byExample), labelled("Direction", byDirection));
    const said = make("div", { className: "said" });
    const [left, right] = [make("div"), make("div")];
    left.append(asked, prompt);
    right.append(heard, answer);
    said.append(left, right);
    place.replaceChildren(choices, slide, said);
    byTask.addEventListener("change", () => {
      byExample.value = "0";
      slider.value = String(tasks[Number(byTask.value)].alphas.indexOf(0));
      lay();
    });
    byExample.addEventListener("change", lay);
    byDirection.addEventListener("change", lay);
    slider.addEventListener("input", show);
    lay();
    slider.value = String(Math.max(0, tasks[0].alphas.indexOf(0)));
    show();
  };

  document.querySelectorAll(".answers").forEach(explore);
  drawAll().then(() => {
    document.documentElement.dataset.drawn = "true";
  });
  for (const query of ["(prefers-color-scheme: dark)", "print"])
    window.matchMedia(query).addEventListener("change", drawAll);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (narrow() !== width < 740) drawAll();
    width = window.innerWidth;
  });
})();
