"""What the peers are installed from: Python environments of their own, pinned here, and Debian's packages.

None is a dependency of the project. An environment is made once, beside the packages of the one that runs the
benchmarks; what cannot be had is told in a line, and the rest is measured without it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

_SERVER = ("uvicorn[standard]==0.54.0",)
_PINNED = {
    "tipg": ("tipg==1.6.1", *_SERVER),
    "xpublish-edr": ("xpublish-edr==0.11.1", "zarr==3.4.2", *_SERVER),
}
_DEBIAN = {
    "/usr/share/postgresql-common/pg_wrapper": "postgresql",
    "/usr/lib/cgi-bin/mapserv": "cgi-mapserver",
    "/usr/lib/cgi-bin/qgis_mapserv.fcgi": "qgis-server",
    "/usr/sbin/lighttpd": "lighttpd",
}


class Absent(Exception):
    """A peer cannot be run here; the message says what is missing."""


def python(peer: str) -> Path:
    """Return the interpreter of a peer, its environment made first.

    Raises
    ------
    Absent
        When a package cannot be installed.
    """
    home = Path(sys.prefix) / "peers" / peer
    ready = home / "-".join(_PINNED[peer]).replace("/", "")
    interpreter = home / "bin" / "python"
    if not ready.exists():
        venv.create(home, with_pip=True, clear=True)
        install = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_PINNED[peer]]
        if subprocess.run(install, check=False).returncode:
            shutil.rmtree(home)
            raise Absent(f"{_PINNED[peer][0]} cannot be installed")
        ready.touch()
    return interpreter


def program(path: str) -> Path:
    """Return a program of Debian's, installed where this process may.

    Raises
    ------
    Absent
        When it is missing.
    """
    if not Path(path).exists() and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        options = ["-o", "DPkg::Lock::Timeout=300", "install", "-y", "-qq", "--no-install-recommends"]
        subprocess.run(["apt-get", *options, _DEBIAN[path]], check=False, stdout=subprocess.DEVNULL, **quiet)
    if not Path(path).exists():
        raise Absent(f"{path} is missing (Debian: {_DEBIAN[path]})")
    return Path(path)
