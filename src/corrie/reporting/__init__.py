"""A face: what people look at. Reads a run; loads no torch.

html.py      the report: one file that opens from disk      sections.py, assets/
             what is in it                                  run_view.py, payload.py, answers.py, provenance.py
             why hostile text stays text                    markup.py, content_policy.py
             of a plane                                 plane_view.py, plane_section.py, plane_payload.py
figure.py    a figure for a paper
             of a plane; of several runs on one axis    plane_figure.py, together_figure.py; run_figure.py chooses
shown.py     what the terminal shows                        sheet.py, table.py, path_table.py
             and shows again without reading                kept_reading.py
palette.py   colours that everybody can tell apart
"""
