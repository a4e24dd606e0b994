"""Figure 4's pictures: KL over the error with the limit beneath, and over the likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geco_viz.reproduce.reached import select, titled
from geco_viz.reproduce.trade_off import Key, Series, trade_off

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["draw"]

OBJECTIVES = {"geco": "GECO", "elbo": "ELBO", "annealed": "hand-annealed"}
STATES = {
    "slack": ("-open-dot", "GECO, κ slack (λ at its floor)"),
    "not converged": ("-open", "GECO, κ missed (not converged)"),
    "infeasible": ("-x-open", "GECO, κ infeasible (missed with λ at its cap)"),
}


def draw(numbers: dict[str, Any], theme: str) -> dict[str, Figure]:
    """Two figures a model."""
    found = numbers["rows"]
    order = list(dict.fromkeys(row["data"] for row in found))
    figures = {}
    for model in dict.fromkeys(row["model"] for row in found):
        part = select(found, model=model)
        sets = list(dict.fromkeys(row["data"] for row in part))
        series = [
            one
            for data in sets
            for symbol, objective in enumerate(OBJECTIVES)
            for one in _series(select(part, data=data, objective=objective), order, symbol)
        ]
        bounds = [
            {
                "name": f"limit R(D), {_of(limit)} {titled(data)}",
                "x": limit["error"],
                "y": limit["rate"],
                "colour": order.index(data),
            }
            for data, limit in numbers["limits"].items()
            if data in sets
        ]
        keys = _keys(part, sets, order)
        title = f"{titled(model)}: final trade-offs"
        figures[model] = trade_off(
            series,
            title,
            "a point a run; dotted: the κ that were asked"
            + ("; dashed: no model can be below" if bounds else ""),
            theme,
            limits=bounds,
            asked=sorted({row["kappa"] for row in select(part, objective="geco")}),
            keys=keys,
        )
        likely = [{**one, "x": one["nll"]} for one in series]
        figures[f"{model}-nll"] = trade_off(
            likely,
            title,
            "a point a run; as the paper draws it",
            theme,
            across="negative log-likelihood at σ_opt (nats per pixel)",
            from_zero=False,
            keys=keys,
        )
    return figures


def _series(part: list[dict[str, Any]], order: list[str], symbol: int) -> list[Series]:
    """The runs of one objective on one set; those that miss kappa have marks of their own."""
    if not part:
        return []
    data, objective = part[0]["data"], part[0]["objective"]
    part = sorted(part, key=lambda row: row["kappa_hat/re"])
    one = {
        "name": f"{titled(data)}, {OBJECTIVES[objective]}",
        "x": [row["kappa_hat/re"] for row in part],
        "y": [row["kl"] for row in part],
        "nll": [row["nll"] for row in part],
        "marks": [STATES.get(row.get("cell", ""), ("",))[0] for row in part],
        "colour": order.index(data),
        "symbol": symbol,
        "joined": objective == "geco",
    }
    return [one]


def _keys(part: list[dict[str, Any]], sets: list[str], order: list[str]) -> list[Key]:
    """The legend: a colour a set, a symbol an objective, and what the open marks mean."""
    known = {row["objective"] for row in part}
    states = {row.get("cell") for row in part}
    return [
        *(Key(titled(data), colour=order.index(data)) for data in sets),
        *(Key(OBJECTIVES[o], symbol=i) for i, o in enumerate(OBJECTIVES) if o in known),
        *(Key(words, mark=mark) for name, (mark, words) in STATES.items() if name in states),
    ]


def _of(limit: dict[str, Any]) -> str:
    return f"{limit['of']:,} of {limit['n']:,}" if limit["of"] < limit["n"] else f"all {limit['n']}"
