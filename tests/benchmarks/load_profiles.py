"""Load, validate and bind many different profiles: microseconds per stage, and memory per profile.

`python tests/benchmarks/load_profiles.py [--count 10000] [--check]`. Each profile has a name and URLs of its own, as in a
catalogue of tenants, so that no cache knows it. `load` is the whole of what the product does with a file, from its path
to a bound Profile; the stages are timed beside it, on other profiles. `--check` ends with 1 if a median is above the target.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from authweave import load
from authweave.binding import bind
from authweave.checking.compiling import compiled_sites
from authweave.checking.defaults import with_defaults
from authweave.checking.document import check
from authweave.checking.sites import sites
from authweave.documents import read_document
from authweave.extensions.catalog import default_catalog
from authweave.inheritance.merging import merged
from authweave.schema.problems import schema_problems

TARGET = 1000.0
SHAPES = {
    "nuance-mix-runtime": """\
format: 1
name: {name}
identity_provider: Nuance Mix
servers: ['https://*.api-{number}.nuance.com']
auth: {{type: oauth2, grant_type: client_credentials, token_url: 'https://auth-{number}.crt.nuance.com/oauth2/token', scopes: [asr, nlu, tts, dlg]}}
""",
    "audiocodes-voiceai-connect": """\
format: 1
name: {name}
identity_provider: AudioCodes VoiceAI Connect
inputs: {{host: {{format: hostname}}, client_id: {{}}, client_secret: {{secret: true}}, mode: {{enum: [oauth2, basic], default: oauth2}}}}
servers: ['https://{{{{ inputs.host }}}}']
auth:
  - {{name: oauth2, when: '{{{{ inputs.mode == "oauth2" }}}}', type: oauth2, grant_type: client_credentials, client_auth: client_secret_post, token_url: 'https://{{{{ inputs.host }}}}/{number}/oauth/token'}}
  - {{name: basic, type: basic, username: '{{{{ inputs.client_id }}}}', password: '{{{{ inputs.client_secret }}}}'}}
""",
}  # fmt: skip


def main() -> int:
    """Measure every shape, and print."""
    options = _options()
    started = time.perf_counter()
    default_catalog()
    print(f"catalogue: {(time.perf_counter() - started) * 1000:.0f} ms, once per process")
    medians = [_measured(shape, options.count) for shape in SHAPES]
    return 1 if options.check and max(medians) > TARGET else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="profiles of each shape (default: 10000)")
    parser.add_argument("--check", action="store_true", help="end with 1 if a median is above the target")
    return parser.parse_args()


def _measured(shape: str, count: int) -> float:
    """Print the table of a shape; the median of a whole load."""
    with tempfile.TemporaryDirectory() as folder:
        files = [_written(Path(folder), SHAPES[shape], number) for number in range(count + count // 5)]
        files, others = files[:count], files[count:]
        memory = _memory(others)
        whole = [_timed(load, file)[1] for file in files]
        print(f"\n{shape}: {count} profiles, each with its own name and URLs; {memory / 1024:.1f} KiB per bound profile")
        print(f"  {'stage':12} {'p10 µs':>8} {'median µs':>10}")
        for stage, times in _stages(others).items():
            _print(stage, times)
        _print("load (all)", whole)
    median = statistics.median(whole)
    print(f"  target: a median of at most {TARGET:.0f} µs: {'met' if median <= TARGET else 'missed'}")
    return median


def _written(folder: Path, text: str, number: int) -> Path:
    file = folder / f"profile-{number}.yaml"
    file.write_text(text.format(name=file.stem, number=number), encoding="utf-8")
    return file


def _memory(files: list[Path]) -> float:
    """Bytes that a bound profile keeps. Also warms up what is made once per process."""
    load(files[0])
    gc.collect()
    tracemalloc.start()
    kept = [load(file) for file in files]
    gc.collect()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return used / len(kept)


def _stages(files: list[Path]) -> dict[str, list[float]]:
    """The parts of `load`, one by one."""
    catalog = default_catalog()
    times: dict[str, list[float]] = {stage: [] for stage in ("read", "extends", "schema", "defaults", "templates", "rules", "bind")}
    for file in files:
        document, read = _timed(read_document, file)
        whole, extends = _timed(merged, document, _no_parent)
        (_, sound), schema = _timed(schema_problems, whole, catalog)
        full, defaults = _timed(with_defaults, sound.data, catalog)
        _, templates = _timed(lambda full=full, sound=sound: compiled_sites(tuple(sites(full)), sound))
        checked = check(document, catalog, _no_parent)
        _, rules = _timed(lambda checked=checked: [list(rule().check(checked)) for rule in catalog.named("rules").values()])
        _, binding = _timed(bind, checked)
        for stage, microseconds in zip(times, (read, extends, schema, defaults, templates, rules, binding), strict=True):
            times[stage].append(microseconds)
    return times


def _no_parent(name: str, child: Any) -> None:
    return None


def _timed(work: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work(*arguments)
    return result, (time.perf_counter() - started) * 1e6


def _print(stage: str, times: list[float]) -> None:
    print(f"  {stage:12} {sorted(times)[len(times) // 10]:8.0f} {statistics.median(times):10.0f}")


if __name__ == "__main__":
    sys.exit(main())
