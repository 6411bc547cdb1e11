# SPDX-License-Identifier: Apache-2.0
"""Writes what is generated in the docs: `python scripts/docs.py [--check]`.

The state diagram comes from the table that the code uses, the command
reference from the commands themselves, the figures from the benchmarks'
results. A test runs it with `--check`.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import attacks  # beside this script
import typer

from modelmarket.agent.trainer import Verdict
from modelmarket.cli import app
from modelmarket.protocol.phases import Phase, Status
from modelmarket.web.charts import draw_states

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BENCHMARKS = ROOT / "benchmarks"
ARTIFACTS = ROOT / "src/modelmarket/chain/artifacts"
MUTATED = (
    ("prediction contests", "contracts", "", "ModelMarket"),
    ("verified contests", "verified", "verified-", "VerifiedMarket"),
)
"""Whose contracts are lied about, its tests' folder, how its families begin, and one
of its contracts."""

# --- the state diagram ---

STYLE = """
 text { font: 13px system-ui, sans-serif; fill: light-dark(#1b1f24, #e6e9ee); }
 .cause {
  font-size: 11px; fill: light-dark(#57606a, #9aa4b2); paint-order: stroke;
  stroke: light-dark(#ffffff, #0d1117); stroke-width: 5px;
 }
 rect { fill: light-dark(#eef4ff, #1c2a44); stroke: light-dark(#3465c4, #7aa2f7); }
 rect.final { fill: light-dark(#f3f4f6, #22272e); stroke: light-dark(#57606a, #9aa4b2); }
 path { fill: none; stroke: light-dark(#57606a, #9aa4b2); stroke-width: 1.4; }
 marker path { fill: light-dark(#57606a, #9aa4b2); }
 svg { color-scheme: light dark; }
"""


def state_diagram() -> str:
    """The phases and every way between them, as SVG that stands alone."""
    drawing = draw_states()
    head, rest = drawing.split("\n", 1)
    head = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    return f"{head}\n<style>{STYLE}</style>\n{rest}\n"


# --- the command reference ---


def command_reference() -> str:
    """Every command with its help, as the terminal shows it."""
    root = typer.main.get_command(app)
    parts = [
        "# Commands",
        "",
        "Every command ends with an exit code that means something: 0 done, 1 failed,",
        "2 wrong input, 3 not found, 4 storage, 5 chain, 6 refused by the contract,",
        "7 funds, 8 vault, 9 not the time for it, 10 a stranger's model that cannot be",
        "confined. Lists are tables in a terminal, and to a pipe plain lines with tabs",
        "between the cells, below one with their names. `modelmarket --install-completion`",
        "lets your shell complete nouns, commands and options. This page is written by",
        "`make docs`.",
        "",
        "## Options of the whole program",
        "",
        "They may stand before a command, behind it or among its own options; nothing",
        "behind a bare `--` is one of them, nor is the value of another option. What is",
        "said by an option goes before what the environment says. Secrets are never",
        "options.",
        "",
        "```text",
        *_help_of(root, "modelmarket").split("\n"),
        "```",
        "",
        "`--quiet` leaves results and errors: no advice, no progress, nothing about an",
        "empty list, of an agent its warnings alone. Questions are still asked, and a",
        "command that is interrupted still says what it has sent.",
        "",
        "## JSON",
        "",
        "With `--json` results are JSON documents on the standard output, and errors",
        "one on the standard error, with `error`, `message` and `hint`, whatever was",
        "wrong. A key means the same in every document:",
        "",
        "| key | what it has |",
        "|---|---|",
        "| `phase` | what a request is in, as the contract says it: "
        + ", ".join(f"`{one.name}`" for one in Phase)
        + " |",
        "| `state` | how far something else is, in one word for programs; of a"
        " submission: " + ", ".join(f"`{one.name}`" for one in Status) + " |",
        "| `status` | a sentence for people: what is so and what comes next; it may be"
        " worded otherwise tomorrow |",
        "| `decision` | what a trainer made of a request: "
        + ", ".join(f"`{one.value}`" for one in Verdict)
        + " |",
        "| `message`, `hint` | what happened, and what to do about it, for people |",
        "| `says` | what was found when something was looked at, for people |",
        "| `…_wei` | an amount, as a string of digits; 10¹⁸ are one MDC |",
        "| `…_s` | seconds |",
    ]
    for path, command in _commands(root, ()):
        shown = _help_of(command, " ".join(("modelmarket", *path)))
        parts += ["", f"## {' '.join(path)}", "", "```text", shown, "```"]
    return "\n".join(line.rstrip() for line in "\n".join(parts).split("\n")) + "\n"


def _help_of(command: Any, name: str) -> str:
    context = typer.Context(command, info_name=name)
    context.max_content_width = context.terminal_width = 78
    return str(command.get_help(context)).strip()


def _commands(group: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, command in sorted(getattr(group, "commands", {}).items()):
        here = (*path, name)
        if hasattr(command, "commands"):
            found += _commands(command, here)
        else:
            found.append((here, command))
    return found


# --- the figures ---


LOGGED_WORD = 256
"""Gas of a word that is logged."""


def posting(rows: list[dict[str, Any]]) -> list[str]:
    """Why posting trees costs more than the floor of their data."""
    parts = [
        "",
        "What is posted is sent, walked through and logged, so that everybody can read it",
        "even if a contract posted it. The log alone is a fifth of the floor of words",
        "without a byte zero. Several leaves and inner nodes are taken at once: so large",
        "whole trees of any shape stay within a tenth of the floor. Trees that are cut, as",
        "no client seals them, are walked through from above as well, down to the last cut.",
        "",
        "| posted trees | over the floor | of which the log | without it |",
        "|---|---:|---:|---:|",
    ]
    for row in rows:
        if row["function"] == "answer_trees":
            log, floor = LOGGED_WORD * row["words"] / row["floor"], row["floor"]
            over = row["gas"] / floor - 1
            parts.append(
                f"| {row['case']} | {over:.1%} | {log:.1%} | {max(over - log, 0):.1%} |"
            )
    return parts


def figures() -> str:
    """What was measured, and by which command."""
    gas = json.loads((BENCHMARKS / "gas.json").read_text())
    verified_gas = json.loads((BENCHMARKS / "verified-gas.json").read_text())
    fuzz = json.loads((BENCHMARKS / "fuzz.json").read_text())
    judged = json.loads((BENCHMARKS / "fuzz-referee.json").read_text())
    demo = json.loads((BENCHMARKS / "demo.json").read_text())
    mnist = json.loads((BENCHMARKS / "demo-mnist.json").read_text())
    coverage = json.loads((BENCHMARKS / "coverage.json").read_text())
    speed = json.loads((BENCHMARKS / "speed.json").read_text())
    models = json.loads((BENCHMARKS / "models.json").read_text())
    scale = json.loads((BENCHMARKS / "scale.json").read_text())
    confirming = json.loads((BENCHMARKS / "confirming.json").read_text())
    crashes = json.loads((BENCHMARKS / "crashes.json").read_text())
    soak = json.loads((BENCHMARKS / "soak.json").read_text())
    contests = json.loads((BENCHMARKS / "soak-contests.json").read_text())
    idle = json.loads((BENCHMARKS / "idle.json").read_text())
    mutants = json.loads((BENCHMARKS / "mutants.json").read_text())
    proofs = json.loads((BENCHMARKS / "prove.json").read_text())
    reorganisations = [
        json.loads(line)
        for line in (BENCHMARKS / "reorganisations.jsonl").read_text().splitlines()
    ]
    parts = [
        "# Figures",
        "",
        "Every figure here was printed by a command of the repository, named above",
        "it. The page itself is written by `make docs` from `benchmarks/*.json`.",
        "",
        "## Gas",
        "",
        "`make gas`: receipts of anvil 1.7.1 under Osaka's rules, on a market that is",
        "in use. The floor is the least that the chain charges for the bytes that",
        "are sent (EIP-7623). A test measures the table again and compares.",
        "",
        "| call | case | labels × bits | submissions | gas | floor | over the floor |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for row in gas:
        over = row["gas"] / row["floor"] - 1
        parts.append(
            f"| `{row['function']}` | {row['case']} | {row['labels']:,} × {row['bits']}"
            f" | {row['submissions']:,} | {row['gas']:,} | {row['floor']:,} |"
            f" {over:.1%} |"
        )
    parts += [
        "",
        "## Gas of verified contests",
        "",
        "`make gas`, too. The contest has a million rows; one of images has 14,000.",
        "Models are as large as they are called, each path as deep as it may be and",
        "no byte zero: the dearest there are, but for the fitted forests, which are of",
        "handwritten digits. `zeros` are the sparsest parts that can be posted.",
        "",
        "`Amsterdam` is what the same call would cost by the prices of that fork,",
        "computed by `benchmarks/amsterdam.py` from the account and slots that it touched:",
        "64 gas for every byte that is sent at the least (EIP-7976), 1,530 for every byte",
        "of new state (EIP-8037), 3,000 for a cold account or slot and 10,000 for a write",
        "(EIP-8038). No node charges them yet.",
        "",
        "| call | case | words sent | gas | floor | over the floor | Amsterdam |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in verified_gas:
        over = row["gas"] / row["floor"] - 1
        parts.append(
            f"| `{row['function']}` | {row['case']} | {row['words']:,} | {row['gas']:,} |"
            f" {row['floor']:,} | {over:.1%} | {row['amsterdam']:,} |"
        )
    parts += [*posting(verified_gas), ""]
    parts += [*_referee(judged), ""]
    parts += [
        "## Contract and reference model side by side",
        "",
        f"`make fuzz` on {fuzz['date']}: {fuzz['minutes']:g} minutes in"
        f" {fuzz['processes']} process(es), {fuzz['stories']:,} stories,"
        f" {fuzz['calls of the machine']:,} calls of the machine, and no difference.",
        f"{fuzz['reorganisations']:,} times the chain went back,"
        f" {fuzz['a token misbehaves']:,} times a token began to pay nothing, to keep a"
        " part or to call back,",
        f"and {fuzz['hints out of reach']:,} claims named a place out of their reach.",
        "",
        "| call | allowed | refused |",
        "|---|---:|---:|",
    ]
    calls = sorted({key.split()[0] for key in fuzz if " allowed" in key})
    parts += [
        f"| `{call}` | {fuzz.get(f'{call} allowed', 0):,} |"
        f" {fuzz.get(f'{call} refused', 0):,} |"
        for call in calls
    ]
    parts += ["", "| how requests ended | |", "|---|---:|"]
    parts += [
        f"| `{key.split()[1]}` | {count:,} |"
        for key, count in fuzz.items()
        if key.startswith("ended ")
    ]
    parts += [
        "",
        "## Coverage of the Vyper sources",
        "",
        "`make test` shows it and fails under 98%: by the contract tests alone,",
        "without the state machine.",
        "",
        "| source | lines | branches |",
        "|---|---:|---:|",
    ]
    parts += [
        f"| `{one['name']}` | {one['lines'][0]} of {one['lines'][1]} |"
        f" {one['branches'][0]} of {one['branches'][1]} |"
        for one in coverage["files"]
    ]
    parts += ["", f"Together {coverage['percent']:.1f}%.", "", "## Speed", ""]
    parts += [
        "`make bench`: ours beside the rival, in one run on one machine.",
        "",
        "| what | ours | rival | |",
        "|---|---:|---:|---|",
    ]
    parts += [
        f"| {one['what']} | {one['ours']} | {one['rival']} | {one['note']} |"
        for one in speed
    ]
    parts += [
        "",
        "`python benchmarks/models.py`: exact models of 64 columns, read from their files",
        "alone, beside the estimators that they were made of. One thread each; seconds of the",
        "processor, the least of two runs.",
        "",
        "| what | ours | scikit-learn | |",
        "|---|---:|---:|---|",
    ]
    parts += [
        f"| {one['what']} | {one['ours_s']:.1f} s |"
        f" {'–' if one['rival_s'] is None else format(one['rival_s'], '.1f') + ' s'} |"
        f" {one['limit']} |"
        for one in models
    ]
    parts += [
        "",
        "`python benchmarks/scale.py`: a market on anvil, read once by the node's",
        "`eth_getLogs` alone and once by the index; then questions as pages ask them.",
        "",
        "| requests | events | the node alone | the index, with the node's part |",
        "|---:|---:|---:|---:|",
        *(
            f"| {one['requests']:,} | {one['events']:,} | {one['node_s']:.1f} s"
            f" | {one['index_s']:.1f} s |"
            for one in scale
        ),
        "",
        "All of them are the asking user's own. Milliseconds, the middle one of 20:",
        "",
        "| question | "
        + " | ".join(f"with {one['requests']:,}" for one in scale)
        + " |",
        "|---|" + "---:|" * len(scale),
        *(
            f"| {what} | "
            + " | ".join(f"{one['pages_ms'][what]:.1f}" for one in scale)
            + " |"
            for what in scale[0]["pages_ms"]
        ),
        "",
        "`PYTHONPATH=tests python benchmarks/confirming.py`: from the click on",
        "“confirm” to the page that shows it confirmed, in a real browser, on anvil",
        "that mines at once; so this comes beside the block time.",
        "",
        "| signed by | the middle one of 20, ms | the worst, ms |",
        "|---|---:|---:|",
        *(
            f"| {one['who']} | {one['middle_ms']} | {one['worst_ms']} |"
            for one in confirming
        ),
        "",
        "## Power cuts",
        "",
        "A process is killed at points where it touches disk or network, started",
        "again, and the end must be the same. `make crashes` tries every point but the",
        "last, behind which all is done (an hour); `make test` tries each fortieth,",
        "beginning anywhere, and one in each step of a verified contest, which has",
        "somebody who lies in it, and somebody who serves nothing. The table says how",
        "many were tried when it was last done for long.",
        "",
        "| step | points | power cuts |",
        "|---|---:|---:|",
        *(f"| {one['step']} | {one['points']} | {one['cuts']} |" for one in crashes),
        f"| together | {sum(one['points'] for one in crashes)}"
        f" | {sum(one['cuts'] for one in crashes)} |",
        "",
        "## Bad nodes",
        "",
        f"`make soak` on {soak['date']}: {soak['minutes']:g} minutes on anvil with a block"
        f" each second, {soak['agents']} agents, each behind two nodes that have faults,",
        f"and killed {soak['kills']} times in all. {soak['requests']} requests and"
        f" {soak['submissions']} submissions came to their end:",
        f"{soak['truths opened']} truths and {soak['predictions opened']} predictions"
        f" opened, {soak['claims']} claims, {soak['withdrawals']} withdrawals, and"
        f" {soak['missed']} steps missed. Of {soak['asked']:,} questions to nodes"
        f" {sum(soak['faults'].values()):,} met a fault:",
        "",
        "| fault | times |",
        "|---|---:|",
        *(f"| {fault} | {times:,} |" for fault, times in soak["faults"].items()),
        "",
        f"Then {contests['contests']} verified contests in {contests['minutes']:g} minutes"
        f" on {contests['date']}, each block 20 seconds later than the one before:",
        f"{contests['agents']} agents, killed {contests['kills']} times, whose nodes had a"
        f" fault in {contests['met a fault']:,} of {contests['asked']:,} questions; and in"
        " each contest",
        "somebody who listed rows that he mended by hand, and somebody whose model nobody"
        " could fetch.",
        f"{contests['refuted']} were refuted, {contests['withheld']} demanded in vain and"
        f" failed, {contests['keys opened']} keys opened, {contests['claims']} honest"
        " claims made,",
        f"{contests['keys opened']} paid and {contests['withdrawals']} withdrawn;"
        f" {contests['missed']} steps and lies were missed.",
        "",
        "## Reorganisations",
        "",
        f"`make reorganisations`: {len(reorganisations)} of them, by `anvil_reorg`, of"
        f" depth {min(one['depth'] for one in reorganisations)} to"
        f" {max(one['depth'] for one in reorganisations)}, once each of these had"
        " happened:",
        ", ".join(dict.fromkeys(sorted(one["phase"] for one in reorganisations)))
        + ". The request ended the same each time, and an",
        "index made from nothing said the same as the one that was rolled back.",
        "",
        "## An agent that waits",
        "",
        "`PYTHONPATH=tests python benchmarks/idle.py`: one open request, nothing due.",
        "",
        "| the node makes | questions a minute | of one processor | memory |",
        "|---|---:|---:|---:|",
        *(
            f"| {one['what']} | {one['questions_a_minute']} |"
            f" {one['processor_percent']:.1f}% | {one['megabytes']} MB |"
            for one in idle
        ),
        "",
        *_commands_that_read(json.loads((BENCHMARKS / "commands.json").read_text())),
        "",
        *_lives(json.loads((BENCHMARKS / "page.json").read_text())),
        "## What the lint finds",
        "",
        "`python benchmarks/lints.py --mnist FOLDER --write`: `dataset check` on data that",
        "everybody knows, a fifth of the rows tested. The forest is the quick baseline, by",
        "cross-validation: right rows, or of numbers the mean absolute error. What is told",
        "apart are accuracies that differ by so much or more, in 19 of 20 cases.",
        "",
        *_lints(json.loads((BENCHMARKS / "lints.json").read_text())),
        "",
        *_trainer(json.loads((BENCHMARKS / "trainer.json").read_text())),
        "",
        *_frameworks(json.loads((BENCHMARKS / "frameworks.json").read_text())),
        "",
        "## Mutants of the contracts",
        "",
        "`make mutants` puts lies into the Vyper sources, one at a time, and the tests of",
        "their market must find each, without random stories, whose luck depends on the",
        "seed.",
        "",
        *_mutants(mutants),
        "",
        "## Proofs",
        "",
        *_proofs(proofs),
        "",
        "## The demo",
        "",
        "`modelmarket demo --json`, and `modelmarket demo --data FOLDER --json` with",
        "all of MNIST:",
        "",
        *_demo("1,797 digits", demo),
        "",
        *_demo("70,000 images", mnist),
    ]
    return "\n".join(parts) + "\n"


def _commands_that_read(document: dict[str, Any]) -> list[str]:
    """How long whole commands take that change nothing."""

    def row(one: dict[str, Any]) -> str:
        words = one["words"].replace("{folder}/", "").replace("{address}", "0x…")
        named = " ".join(f"{one['command']} {words}".split()).replace("{model}", "CID")
        return (
            f"| `{named}` | {one['processor_s']:.2f} s | {one['wall_s']:.2f} s |"
            f" {one['besides']} |"
        )

    python, libraries = document["python"], document["libraries"]
    return [
        "## Commands that only read",
        "",
        f"`make commands` on {document['date']}: whole processes, from nothing, whose output"
        " is piped, beside an",
        "embedded node that nobody else asks. The market has five requests of 1,797 digits"
        " each, two of",
        f"them with a winner. The least of {document['runs']} runs, of processor time and by"
        " the clock; in the same run a bare",
        f"Python took {python['processor_s']:.2f} s of a processor, and one that loads the"
        " four libraries that reading the market",
        f"needs (`{libraries['program']}`) {libraries['processor_s']:.2f} s."
        f" {document['load']:g} programs on average",
        f"wanted the machine's {document['processors']} processors meanwhile.",
        "",
        "| command | processor | clock | what it does besides reading |",
        "|---|---:|---:|---|",
        *map(row, document["commands"]),
    ]


def _lives(measured: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What a whole life costs on the page, as often as it was measured."""
    return [
        "## A life on the page",
        "",
        "`PYTHONPATH=tests python benchmarks/page.py --write NAME`: from the link that the",
        "terminal printed, with a wallet that has yet to be connected, to the model or the",
        "reward; without typing an address. The seconds are the page's own, and the",
        "kilobytes those of the first visit.",
        "",
        "| measured | who | clicks | fields | files | pages | seconds | kB |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {name} | {one['who']} | {one['clicks']} | {one['fields']} |"
            f" {one['files']} | {one['pages']} | {one['seconds']:.1f} |"
            f" {one['kilobytes']:.1f} |"
            for name, lives in measured.items()
            for one in lives
        ),
        "",
    ]


def _lints(found: list[dict[str, Any]]) -> list[str]:
    """What is odd about each table."""

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.1%}"

    def row(one: dict[str, Any]) -> str:
        forest, is_number = one["baseline"], one["majority"] is None
        reached = f"{forest:.4g}" if is_number else share(forest)
        odd = " ".join(finding["text"] for finding in one["findings"])
        figures = f"{one['rows']:,} | {one['features']:,} | {share(one['majority'])}"
        return (
            f"| {one['name']} | {figures} | {reached} | {share(one['resolution'])} |"
            f" {odd or 'nothing'} |"
        )

    return [
        "| data | rows | features | commonest class | forest | told apart | what is odd |",
        "|---|---:|---:|---:|---:|---:|---|",
        *map(row, found),
    ]


def _trainer(found: list[dict[str, Any]]) -> list[str]:
    """What the built-in trainer reaches beside the quick baseline."""

    def shown(one: dict[str, Any], name: str) -> str:
        is_share = one["measure"] == "accuracy"
        low, high = one[f"{name}_interval"]
        if not is_share:
            return f"{one[name]:.1f} ({low:.1f} to {high:.1f})"
        if name == "ahead":
            return f"{100 * one[name]:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
        return f"{one[name]:.1%} ({low:.1%} to {high:.1%})"

    def row(one: dict[str, Any]) -> str:
        counts = f"{one['better']} / {one['same']} / {one['worse']}"
        chosen = ", ".join(f"{name} {n}" for name, n in one["models"].items())
        figures = " | ".join(
            shown(one, name) for name in ("trainer", "baseline", "ahead")
        )
        return (
            f"| {one['name']} | {one['kind']} | {one['measure']} | {one['splits']} |"
            f" {figures} | {counts} | {one['took_s']:.0f} | {chosen} |"
        )

    return [
        "## What the trainer reaches",
        "",
        "`python benchmarks/trainer.py --mnist FOLDER --write`: the built-in trainer of",
        "`modelmarket trainer run`, with 15 seconds of one processor for a table, 40 for all of",
        "MNIST, and scikit-learn alone; beside the quick baseline, the forest of 30 trees that",
        "`dataset check` tries, learnt from 2,000 rows at most. Each split tests a fifth of the rows,",
        "drawn by its seed.",
        "`verified`: what predicts is the exact model, on codes, and of diabetes the mean absolute",
        "error counts, as the contest's points count it, so that less is better; `prediction`: the",
        "ONNX file. Means over the splits, with the bounds that hold them in 19 of 20 cases; ahead",
        "is the mean of the differences split by split, in points, or of diabetes in its own unit.",
        "",
        "| data | contest | measure | splits | trainer | quick baseline | ahead | better / same / worse | seconds | chosen |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---|",
        *map(row, found),
    ]


def _frameworks(document: dict[str, Any]) -> list[str]:
    """What became of other libraries' models."""
    versions = [f"{name} {number}" for name, number in document["versions"].items()]
    what = f"`make frameworks` on {document['date']}, with {', '.join(versions)}:"

    def row(one: dict[str, Any]) -> str:
        same = f"{one['same']:,} of {one['rows']:,} | {one['same'] / one['rows']:.2%}"
        return (
            f"| {one['library']} | {one['model']} | {one['became']} | {same} |"
            f" {one['lost']:+.4f} |"
        )

    return [
        "## What each library loses",
        "",
        what,
        "what was made of a model, beside the library's own predictions of rows that it had not seen. What is",
        "lost is accuracy, a share of 1; of numbers, mean error, and they are the same if they",
        "differ by no more than rounding to whole ones. Light libraries are tried by",
        "`make test`.",
        "",
        "| library | model | became | the same | | lost |",
        "|---|---|---|---:|---:|---:|",
        *map(row, document["compared"]),
    ]


def _mutants(families: dict[str, Any]) -> list[str]:
    """What became of the lies about each market."""
    parts = [
        "**Semantic**: patches that change what the contracts mean, each with a sentence of",
        "what it breaks. Of tests with random examples only those examples count that are",
        "written down. **Syntactic**: operators swapped, numbers moved by one, statements",
        "dropped and conditions fixed, wherever they stand. What both markets import belongs",
        "to the first. Why a survivor may live stands in `survivors.toml` beside the tests.",
        "",
        "| of | lies | | tried | killed | not compiling | change nothing | survived |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for title, room, prefix, contract in MUTATED:
        # A test keeps the artifact that of the present sources.
        artifact = json.loads((ARTIFACTS / f"{contract}.json").read_text())
        for name in ("semantic", "syntactic"):
            figures = families.get(prefix + name)
            if figures is None:
                parts.append(f"| {title} | {name} | not yet run | | | | | |")
                continue
            is_stale = figures["sources_sha256"] != artifact["sources_sha256"]
            since = ", of sources before these" if is_stale else ""
            parts.append(
                f"| [{title}](../tests/{room}) | {name} | {figures['date']}{since} |"
                f" {figures['mutants']:,} of {figures['possible']:,} |"
                f" {figures['killed']:,} | {figures['not_compiling']:,} |"
                f" {figures['equivalent']:,} | {figures['survived']:,} |"
            )
    for title, room, prefix, _ in MUTATED:
        verdicts = families.get(f"{prefix}semantic", {}).get("verdicts", [])
        areas = Counter(one["name"].split("-")[1] for one in verdicts)
        told = ", ".join(f"{area} {count}" for area, count in sorted(areas.items()))
        parts += [
            "",
            f"[Lies about meaning](../tests/{room}/mutants) of {title} that were tried, by",
            f"area: {told or 'none'}.",
        ]
    return parts


def _proofs(document: dict[str, Any]) -> list[str]:
    """What halmos says of the market, and of its mutants."""
    market = [one for one in document["verdicts"] if not one["mutant"]]
    lies = [one for one in document["verdicts"] if one["mutant"]]
    refuted = sum(one["verdict"] == "refuted" for one in lies)
    longest = max(one["seconds"] for one in document["verdicts"])
    return [
        f"`make prove` on {document['date']}: halmos ran each call that changes anything"
        " on the market's",
        "bytecode, with any arguments, at any time, in any consistent state of a request"
        " with up to two",
        "submissions, and found nothing against these: `withdraw` pays what is due, and"
        " nothing a second",
        "time; the market's balance stays what it owes, what is slashed and what is"
        " nobody's of this request;",
        "phases only go forward; the state that a call leaves is again a consistent one,"
        " so that what is",
        "proved of one call holds for any number of them.",
        "",
        "| proof | verdict | paths | seconds of processor |",
        "|---|---|---:|---:|",
        *(
            f"| {one['proof'].split('.check_')[1].replace('_', ' ')} |"
            f" {one['verdict']} | {one['paths']:,} | {one['seconds']:,} |"
            for one in market
        ),
        "",
        f"{len(document['mutants'])} lies were put in"
        " ([`mutants/`](../proofs/mutants)); of the"
        f" {len(lies)} proofs that must fail on one of",
        f"them {refuted} were refuted. The longest took {longest} seconds of"
        f" {document['most_seconds']}.",
        "",
        "**What is not proved**: pages have"
        f" {document['page_words']} words instead of 768, everything else is as it is",
        "deployed. No more than two submissions, so no walk past a second claim; no"
        " other request's money moves,",
        "but what others hold is any sum. Strings have one length each. Requester and"
        " trainers are different",
        "accounts, and the coin is ModelCoin: the hostile token, the counting of labels,"
        " full pages, long",
        "rankings and gas are the tests' business.",
    ]


def _referee(document: dict[str, Any]) -> list[str]:
    """What was put to referee and clerk, by kind and by verdict."""
    verdicts: dict[str, Counter[str]] = {}
    for key, count in document["by kind"].items():
        kind, _, verdict = key.partition(": ")
        column = {"convicted": "guilty", "taken": "guilty", "NothingWrong": "not"}
        verdicts.setdefault(kind, Counter())[column.get(verdict, "refused")] += count
    share = document["near a limit"] / document["cases"]
    return [
        "## The interpreters side by side",
        "",
        f"`make fuzz-referee`, last on {document['date']}: {document['cases']:,} cases in"
        f" {document['minutes of a core']:,.0f} minutes of a core, and no difference"
        " between contract,",
        f"client and reference. {share:.1%} were of models within a twentieth of a limit."
        " Runs add up as",
        f"long as referee and clerk stay what they are (`{document['contracts'][:16]}…`).",
        "",
        "| what | convicted, or taken | nothing wrong | refused |",
        "|---|---:|---:|---:|",
        *(
            f"| {kind} | {one['guilty']:,} | {one['not']:,} | {one['refused']:,} |"
            for kind, one in verdicts.items()
        ),
    ]


def _demo(name: str, document: dict[str, Any]) -> list[str]:
    shown = {
        **document,
        "accounts": f"{len(document['accounts'])} accounts, the same sum before and after",
    }
    return [f"### {name}", "", "```json", json.dumps(shown, indent=1), "```"]


PAGES = {
    "states.svg": state_diagram,
    "commands.md": command_reference,
    "figures.md": figures,
    "attacks.md": attacks.page,
}


def main() -> None:
    """Writes the pages, or says which are stale."""
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                stale.append(name)
        else:
            path.write_text(text)
    if stale:
        sys.exit(f"Stale: {', '.join(stale)}. Run: make docs")


if __name__ == "__main__":
    main()
