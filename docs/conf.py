"""Configuration of the documentation; building it needs no network."""

import re
from pathlib import Path
from runpy import run_path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import sklearn_nnderiv

HERE = Path(__file__).parent
CHANGELOG = HERE.parent / "CHANGELOG.md"

project = "sklearn_nnderiv"
author = "the sklearn_nnderiv developers"
copyright = author
version = release = sklearn_nnderiv.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
default_role = "literal"

autosummary_generate = True
# a class and a function that some file systems do not tell apart
autosummary_filename_map = {
    "sklearn_nnderiv.inspection.DGSM": "sklearn_nnderiv.inspection.DGSM-class"
}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {version}"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
if (HERE / "_static").is_dir():
    html_static_path = ["_static"]
html_math_renderer = "mathml"


def insert_changelog(app, docname, source):
    """Append CHANGELOG.md to the page of that name, from Markdown to reST."""
    if docname != "changelog":
        return
    app.env.note_dependency(str(CHANGELOG))
    _, _, text = CHANGELOG.read_text(encoding="utf-8").partition("\n")
    text = text.replace("`", "``")
    text = re.sub(r"^## \[(.+?)\]", r"## \1", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^]]+)\]\(([^)]+)\)", r"`\1 <\2>`__", text)
    for marks, line in (("##", "-"), ("###", "~")):
        text = re.sub(
            rf"^{marks} (.+)$",
            lambda match, line=line: f"{match[1]}\n{line * len(match[1])}",
            text,
            flags=re.MULTILINE,
        )
    source[0] += text


def insert_supported(app, docname, source):
    """Append the tables of classes to the page of what is supported."""
    if docname == "user_guide/supported":
        app.env.note_reread()
        source[0] += run_path(str(HERE / "supported.py"))["tables"]()


def unlink_labels(app, what, name, obj, options, lines):
    """Replace references to labels of scikit-learn's guide by their text."""
    lines[:] = [re.sub(r":ref:`([^`<]+?) <[^`]+>`", r"\1", line) for line in lines]


def write_math(self, node):
    """Write a formula as MathML, which browsers draw without a script."""
    as_block = isinstance(node, nodes.math_block)
    formula = tex2mathml(node.astext(), as_block=as_block)
    self.body.append(f'<div class="formula">{formula}</div>' if as_block else formula)
    raise nodes.SkipNode


def setup(app):
    """Connect the functions above to Sphinx."""
    app.connect("source-read", insert_changelog)
    app.connect("source-read", insert_supported)
    app.connect("autodoc-process-docstring", unlink_labels)
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(write_math, None),
        block_renderers=(write_math, None),
    )
