"""JSONata and `{{placeholders}}`: the only two expression languages, and the engine's only home.

- `jsonata`: compile, and evaluate one input within bounds, in the thread that asks
- `pool`: `Evaluator`, which sends inputs that would hold the loop to processes of their own
- `worker`, `frames`: the program of such a process, and what goes between
- `placeholders`: `{{args.x:int|1}}`, parse and render
- `segments`: a rendered value as exactly one segment of a path
- `integers`: integers that JSONata would round become strings first
"""

from mcpassport.expressions.integers import protect_integers
from mcpassport.expressions.jsonata import Expression, compile_expression, evaluate_inline
from mcpassport.expressions.placeholders import (
    MISSING,
    Placeholder,
    Template,
    parse_template,
    render_tree,
)
from mcpassport.expressions.pool import Evaluator
from mcpassport.expressions.segments import encode_segment, render_path

__all__ = [
    "MISSING",
    "Evaluator",
    "Expression",
    "Placeholder",
    "Template",
    "compile_expression",
    "encode_segment",
    "evaluate_inline",
    "parse_template",
    "protect_integers",
    "render_path",
    "render_tree",
]
