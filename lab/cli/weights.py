"""`quartet pin`, `quartet fetch`, `quartet convert`: weights from the hub, known by their hashes, as safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.common import DEVICES, JsonOption, bar, columns, fail, failing, known_device

if TYPE_CHECKING:
    from tqdm import tqdm

    from models.catalog import Part, Suite
    from models.hub.fetch import Progress
    from models.hub.lock import Locked

FullOption = Annotated[str, typer.Option("--suite", help="full, or with choices: full:sd-2.1,clip-vit-b-32")]
ForOption = Annotated[
    str, typer.Option("--device", help=f"where they will be read, which says which files: {', '.join(DEVICES)}")
]
LockOption = Annotated[Path | None, typer.Option("--lock", help="the lock file; default: the one beside models/hub")]
PartsArgument = Annotated[list[str] | None, typer.Argument(help="parts of the suite; default: all of them")]


def pin(
    parts: PartsArgument = None,
    suite: FullOption = "full",
    device: ForOption = "auto",
    lock: LockOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the hub for revision, bytes and SHA-256 of every file, and write them into the lock file.

    Files of your own that quartet.toml names are read here, online or not, and before any hub is asked.
    """
    from lab.race.commands import typed
    from models.hub.local import HERE, own_files, pin_own
    from models.hub.lock import LOCK, Locked, read_lock, write_lock
    from models.hub.store import key, pinned

    with failing():
        file, rows = lock or LOCK, []
        chosen, known = _parts(suite, parts, device), read_lock(file)
        try:
            for part in chosen:
                if own := own_files(part):
                    known[HERE] = pin_own(part, known.get(HERE, Locked()))
                    rows.append({"part": part.name, "revision": HERE, "bytes": sum(one.stat().st_size for one in own)})
            rows += _pin_away([part for part in chosen if key(part)], known)
        finally:  # what was pinned before something broke is kept
            if known:
                write_lock(known, file)
    _tell(rows, as_json, {"lock": str(file)})
    if lost := [part.name for part in chosen if part.source.repo and not pinned(part, known.get(key(part), Locked()))]:
        fail(f"no hub could be asked for {', '.join(lost)}: run `{typed('pin', lost, suite, device, lock)}` online", 1)


def fetch(
    parts: PartsArgument = None,
    suite: FullOption = "full",
    device: ForOption = "auto",
    accept: Annotated[bool, typer.Option("--accept", help="accept the licences of what is fetched")] = False,
    lock: LockOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the weights of a suite: resumed where a former try broke off, checked, and made safetensors of.

    What only a person can fetch is named at the end, and the status is 1 then.
    """
    from lab.race.commands import typed
    from models.hub.lock import LOCK, read_lock
    from models.hub.store import ByHand, bring, unpinned

    with failing():
        chosen, known = _parts(suite, parts, device), read_lock(lock or LOCK)
        _licences(chosen, accept)
        rows, commits, by_hand = [], {}, {}
        for part in chosen:
            try:
                made = bring(part, known, progress=_progress(part, as_json), commits=commits)
            except ByHand as error:
                by_hand[part.name] = str(error)
                continue
            pinned = "no" if unpinned([part], known) else "yes"
            rows.append({"part": part.name, "folder": str(part.path), "converted": len(made), "pinned": pinned})
    _tell(rows, as_json)
    if by_hand:
        fail(f"{'; '.join(by_hand.values())}: `{typed('fetch', by_hand, suite, device, lock)}`", 1)


def convert(
    file: Annotated[Path, typer.Argument(help="a .bin, .ckpt, .pt or .pth that torch.save wrote")],
    out: Annotated[
        Path | None, typer.Option(help="safetensors to write; default: beside it, as the loader calls it")
    ] = None,
    yaml: Annotated[
        Path | None, typer.Option(help="taming's model.yaml: writes config.json beside the weights")
    ] = None,
    drop: Annotated[str, typer.Option(help="leave out weights whose names begin so, by commas")] = "loss.",
    as_json: JsonOption = False,
) -> None:
    """Make safetensors of an old checkpoint without running anything in it; what is foul is named and refused."""
    from models.hub import convert as made
    from models.hub.store import renamed

    with failing():
        target = out or file.with_name(renamed(file))
        config = made.vqgan_config(yaml) if yaml else None
        found = made.convert(file, target, tuple(filter(None, drop.split(","))))
        if config is not None:
            (target.parent / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(asdict(found), default=str))
        return
    typer.echo(f"{found.source}\n  sha256 {found.source_sha256}")
    typer.echo(f"{found.target}\n  sha256 {found.sha256}\n  {found.tensors} tensors, {found.bytes:,} bytes")
    if found.dropped:
        typer.echo(f"  left out: {len(found.dropped)} that begin with {drop}")


def _parts(suite: str, names: list[str] | None, device: str) -> list[Part]:
    """The parts of a suite that come from elsewhere, or those of them that were named, as `device` computes in them."""
    from lab.race.painters import plan, precision
    from models.hub.local import own_files

    table: Suite = plan(suite, precision(suite, known_device(device)))
    away = {name: part for name, part in table.parts.items() if part.source.files or own_files(part)}
    if strange := [name for name in names or () if name not in away]:
        fail(f"part is {strange[0]!r}; suite {suite!r} fetches {', '.join(away) or 'nothing'}")
    return [away[name] for name in names or away]


def _pin_away(parts: list[Part], known: dict[str, Locked]) -> Iterator[dict[str, object]]:
    """Pin what repositories and pages are the source of into `known`; a row for each part that was.

    Where no hub can be asked, what was pinned before stays, and that is said.
    """
    from models.hub.lock import Locked, pin_here
    from models.hub.lock import pin as ask
    from models.hub.store import key
    from models.hub.trouble import NotFetched

    present: dict[tuple[str, str | None], str | None] = {}  # what was asked for once: all parts are of one commit
    for part in parts:
        source, before = part.source, known.get(key(part), Locked())
        if not source.repo and not all((part.root / name).is_file() for name in source.files):
            typer.echo(f"quartet: {part.name} is fetched by hand from {source.url}: not here yet", err=True)
            continue
        asked = key(part), source.revision
        try:
            if source.repo:
                revision = present.get(asked, source.revision)
                found = ask(source.repo, source.files, inferred=source.inferred, revision=revision)
            else:
                found = pin_here(part.root, source.files)
        except NotFetched as error:
            if error.kind not in ("offline", "network"):
                raise
            typer.echo(f"quartet: {part.name} is not pinned anew: {error}", err=True)
            continue
        present[asked] = found.revision
        files = dict(before.files) if before.revision == found.revision else {}
        known[key(part)] = Locked(found.revision, files | dict(found.files))
        size = sum(pin.bytes for pin in found.files.values())
        yield {"part": part.name, "revision": found.revision or "by hand", "bytes": size}


def _licences(parts: list[Part], accept: bool) -> None:
    """Say under which licences the weights are, and end unless they are accepted."""
    sources = {part.source.repo or part.source.url: part.source for part in parts}
    for name, source in sources.items():
        typer.echo(f"{name}: {source.licence or 'licence not verified'}. {source.note}", err=True)
    if sources and not accept:
        fail("read the licences above, and add --accept if you accept them")


def _progress(part: Part, quiet: bool) -> Progress:
    bars: dict[str, tqdm] = {}

    def tell(file: str, done: int, total: int | None) -> None:
        if file not in bars:
            for former in bars.values():
                former.close()
            bars[file] = bar(total or 0, f"{part.name} {file}", quiet)
        bars[file].update(done - bars[file].n)

    return tell


def _tell(rows: list[dict[str, object]], as_json: bool, more: dict[str, object] | None = None) -> None:
    if as_json:
        typer.echo(json.dumps({**(more or {}), "parts": rows}))
    elif rows:
        typer.echo(columns(rows))
