#!/usr/bin/env python3
"""Checks the promise of `rust-version` in Cargo.toml as far as the toolchain at hand allows.

No locked dependency may ask for a newer Rust; where rustup has that very version, the workspace is checked with it. (Clippy, which runs
before this, refuses uses of the standard library that are newer.)"""
import json
import shutil
import subprocess
import sys

meta = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))
number = lambda text: tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])
members = [p for p in meta["packages"] if p["id"] in meta["workspace_members"]]
promised = {p["rust_version"] for p in members}
if len(promised) != 1 or None in promised:
    sys.exit(f"the members promise different versions of Rust: {promised}")
(msrv,) = promised
newer = [f"{p['name']} {p['version']} needs Rust {p['rust_version']}" for p in meta["packages"] if p["rust_version"] and number(p["rust_version"]) > number(msrv)]
if newer:
    sys.exit(f"rust-version is {msrv}, but:\n" + "\n".join(newer))
print(f"rust-version {msrv}: none of {len(meta['packages'])} packages needs more")
if shutil.which("rustup"):
    have = subprocess.run(["rustup", "toolchain", "list"], capture_output=True, text=True).stdout
    if any(line.startswith(msrv) for line in have.splitlines()):
        subprocess.check_call(["cargo", f"+{msrv}", "check", "--workspace", "--locked"])
    else:
        print(f"toolchain {msrv} is not installed: not built with it")
