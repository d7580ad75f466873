"""Changes that make hostile content of sound content: of bytes, of text, of JSON, of tables, of places."""

import copy
import json
import os
import random
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: What is put somewhere in a text, or in the place of a value.
PIECES: Sequence[str] = (
    *("null", "[]", "{}", '"x"', "1e999", "-1", "NaN", "-inf", "true", "0x10", "1_000", "∞", "０"),
    *("9" * 5000, "[" * 3000, '{"a":', '{"a":' * 2000, "\\ud800", "\0", "\ufeff", "\t", "\n", "\r"),
    *('"', "'", ",", ";", "n/a", "-0", "1e-400", "9" * 400, "1" * 19, "é", "\u202e", "\u2028"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "25:61:61"),
    *("=cmd", "@x", "~nosuch/x", "../../../etc/passwd", "/dev/zero", "/", "a" * 5000, "/" * 5000),
    *("&a", "*a", "<<", "!!python/object:os.system x", "--", "? ", "| ", "%YAML 9", "\x1b[31m"),
    *("path", "age", "cjv", "scan_id", "'''", '"""', "[[a]]", "a.b.c", "💀" * 40, "\u0000\uffff"),
)
#: Values that JSON can hold in the place of another.
VALUES: Sequence[Any] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308, 1e-320),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "x", "\ud800", "\0", "\n", "../..", "/"),
    *("1e999", "nan", "9" * 5000, "a" * 100_000, "=cmd()", "<b>", "\u202egnp.", "\x1b[2J", "Ⅷ"),
    *([], {}, [[]], [None], {"": None}, [1, "a", None, {}], {"a": {"a": {"a": {}}}}, [0] * 1000),
)
#: Numbers that stand where others are counted on, as bytes.
_NUMBERS = [
    struct.pack(order + kind, value)
    for order in "<>"
    for kind, values in {
        "b": (-1, 0, 127, -128),
        "h": (-1, 0, 1, 32767, -32768),
        "i": (-1, 0, 1, 2**31 - 1, -(2**31)),
        "q": (-1, 0, 2**63 - 1, -(2**63), 2**40),
        "f": (float("nan"), float("inf"), 0.0, -1.0, 3e38, 1e-44),
        "d": (float("nan"), float("inf"), 1e308),
    }.items()
    for value in values
]
#: Names that a file may have, as bytes.
NAMES: Sequence[bytes] = (
    *(
        b"\xff\xfe",
        b"M\xfcller",
        "张伟".encode(),
        b"line\nbreak",
        b"tab\there",
        "\u202egnp".encode(),
    ),
    *(
        b"-rf",
        b"--help",
        b" ",
        b"a" * 200,
        b"*",
        b"$(id)",
        b"%00",
        b"<b>",
        b"'\"",
        b"\x1b[31m",
        b"=1+1",
    ),
    *(
        b"a;b",
        b"sub-",
        b"sub-01_sub-02",
        "é".encode(),
        "e\u0301".encode(),
        b"con",
        b"..x",
        b"#",
        b"?",
    ),
)


def of_bytes(data: bytes, rng: random.Random) -> bytes:  # noqa: C901 - a list of ways
    """Return bytes with a few changes: bits, numbers, cuts, blocks put twice, moved, emptied, in."""
    held = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randrange(len(held) + 1)
        if rng.random() < 0.5:  # most formats have their header at one of their ends
            place = min(place, rng.choice((8, 64, 400, 4000)))
        if rng.random() < 0.15:
            place = max(0, len(held) - rng.randrange(200) - 1)
        length = rng.choice((1, 2, 4, 8, 64, 1000))
        how = rng.randrange(8)
        if how == 0 and held:
            held[min(place, len(held) - 1)] ^= 1 << rng.randrange(8)
        elif how == 1:
            held[place : place + length] = rng.randbytes(length)
        elif how in (2, 3):
            number = rng.choice(_NUMBERS)
            held[place : place + len(number)] = number
        elif how == 4:
            del held[place : place + length]
        elif how == 5:
            held[place:place] = held[place : place + length] * rng.choice((1, 2, 50))
        elif how == 6:
            held[place : place + length] = bytes(length)
        elif rng.random() < 0.5:
            del held[place:]
        else:
            held += rng.randbytes(length)
    return bytes(held)


_VALUE = re.compile(r'"[^"]*"|-?\d+(\.\d+)?|true|null|\[[^\[\]]*\]|\{[^{}]*\}')


def of_text(text: str, rng: random.Random) -> bytes:
    """Return a text with a few changes, as bytes in UTF-8 or seldom otherwise."""
    for _ in range(rng.randint(1, 4)):
        place, other = sorted(rng.randrange(len(text) or 1) for _ in range(2))
        value = rng.choice(list(_VALUE.finditer(text[:100_000])) or [re.match("", "")])
        assert value is not None
        text = rng.choice(
            (
                text[:place] + rng.choice(PIECES) + text[place:],
                text[:place],
                text[:place] + text[place + rng.randint(1, 12) :],
                text[:place] + chr(rng.randrange(1, 0x2FF)) + text[place + 1 :],
                text[:other] + text[place:],
                text[: value.start()] + rng.choice(PIECES) + text[value.end() :],
                text[: value.start()] + rng.choice(PIECES) + text[value.end() :],
            )
        )
    return _encoded(text, rng)


def _encoded(text: str, rng: random.Random) -> bytes:
    if rng.random() < 0.08:
        return text.encode(
            rng.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7", "cp1252")), "replace"
        )
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if data and rng.random() < 0.1:
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


# ---- JSON --------------------------------------------------------------------------------------------


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return every container in a value with each of its keys."""
    for key in value if isinstance(value, dict) else range(len(value)):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            _places(value[key], found)
    return found


def _value(rng: random.Random) -> Any:
    """Return a value of its own: one that is put into itself, or changed for the next file, is none."""
    return copy.deepcopy(rng.choice(VALUES))


def of_json(text: str, rng: random.Random) -> bytes:
    """Return JSON of which parts have other values, other keys, or are not there; seldom as text."""
    if rng.random() < 0.3:
        return of_text(text, rng)
    value = json.loads(text)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        places = _places(value, []) if isinstance(value, dict | list) else []
        if not places or rng.random() < 0.03:
            value = _value(rng)
            continue
        holder, key = rng.choice(places)
        how = rng.randrange(6)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, dict):
            holder[rng.choice(("", "x", "\0", "__class__", key * 2))] = holder.pop(key)
        elif how == 2 and isinstance(holder, list):
            holder[key:key] = [holder[key]] * rng.choice((1, 3, 1000))
        elif how == 3:
            holder[key] = _other(holder[key], rng)
        else:
            holder[key] = _value(rng)
    written = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    return written.encode("utf-8", "surrogatepass")


def _other(value: Any, rng: random.Random) -> Any:
    """Return a value of the same kind."""
    if isinstance(value, bool) or value is None:
        return rng.choice((True, False, None))
    if isinstance(value, int | float):
        return rng.choice((0, -value, value + 1, value * 1000, value // 7, 10**18, 1e-9, -1))
    if isinstance(value, str):
        return rng.choice((value[:-1], value.upper(), value * 50, value + "\n", f"'{value}", "n/a"))
    return list(value)[::-1] if isinstance(value, list) else dict(list(value.items())[1:])


# ---- tables ------------------------------------------------------------------------------------------


def of_table(text: str, rng: random.Random) -> bytes:  # noqa: C901 - a list of ways
    """Return a table with other columns, rows and cells, more or fewer of them, or such as are none."""
    if rng.random() < 0.35:
        return of_text(text, rng)
    separator = "\t" if "\t" in text.partition("\n")[0] else ","
    rows = [line.split(separator) for line in text.rstrip("\n").split("\n")]
    for _ in range(rng.choice((1, 1, 2, 4))):
        row, column = rng.randrange(len(rows)), rng.randrange(max(map(len, rows)) or 1)
        how = rng.randrange(12)
        if how == 0:
            rows = [one[:column] + one[column + 1 :] for one in rows]
        elif how == 1:
            rows = [one[: column + 1] + one[column:] for one in rows]
        elif how == 2:
            rows[row] = rows[row][:column]
        elif how == 3:
            rows[row] = rows[row] + rng.choice((["x"], [""] * 20, ["1"] * 3000))
        elif how == 4:
            rows += [list(rows[row])] * rng.choice((1, 2, 300))
        elif how == 5:
            rows = [rows[0]] + [[*one, str(rng.choice(VALUES))[:50]] for one in rows[1:]]
        elif how == 6:
            rows[0] = [
                str(rng.choice(PIECES))[:100] if rng.random() < 0.3 else one for one in rows[0]
            ]
        elif how == 7:
            separator = rng.choice(("\t", ",", ";", "|", " ", "\0", ", "))
        elif how == 8 and rng.random() < 0.05:
            count = rng.choice((1000, 20_000, 1_000_000))
            rows = [
                [f"c{number}" for number in range(count)],
                ["1"] * (count if count < 1e5 else 3),
            ]
        elif column < len(rows[row]):
            piece = rng.choice(PIECES) if rng.random() < 0.7 else str(rng.choice(VALUES))[:5000]
            rows[row] = [*rows[row][:column], piece, *rows[row][column + 1 :]]
    ends = rng.choice(("\n",) * 6 + ("\r\n", "\r", "\n\n", "\x0b"))
    return _encoded(ends.join(separator.join(row) for row in rows) + ends, rng)


# ---- what stands in a file's place ------------------------------------------------------------------------

#: What may stand in the place of a file: how it is made.
IN_ITS_PLACE: dict[str, Callable[[Path], object]] = {
    "folder": lambda path: path.mkdir(),
    "full folder": lambda path: [path.mkdir(), (path / "x").write_text("x")],
    "pipe": lambda path: os.mkfifo(path),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nowhere": lambda path: path.symlink_to("nowhere/at/all"),
    "link to its folder": lambda path: path.symlink_to("."),
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "random device": lambda path: path.symlink_to("/dev/urandom"),
    "empty device": lambda path: path.symlink_to("/dev/null"),
    "memory of a process": lambda path: path.symlink_to("/proc/self/mem"),
    "nothing": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(100_000)),
    "hollow gigabytes": lambda path: [path.touch(), os.truncate(path, 30 << 30)],
    "absent": lambda path: None,
}


def place(path: Path, rng: random.Random) -> str:
    """Put something other than a file in a file's place, and say what."""
    path.unlink(missing_ok=True)
    name = rng.choice(list(IN_ITS_PLACE))
    IN_ITS_PLACE[name](path)
    return name


def named(folder: Path, usual: str, rng: random.Random, *, often: float = 0.06) -> Path:
    """Return a path in a folder, seldom of a name that no sane person gives, with the usual ending."""
    if rng.random() >= often:
        return folder / usual
    ending = "".join(Path(usual).suffixes)
    return folder / (os.fsdecode(rng.choice(NAMES)) + ending)
