"""Signatures by minisign or ssh-keygen, whichever the key is of. They lie beside the file: .minisig, .sig."""
import os
import pathlib
import subprocess
import tempfile

from errors import Bad

NAMESPACE = "lastack"
SECONDS_MAX = 60


def kind_of(key):
    try:
        with open(key, encoding="utf-8", errors="replace") as file:
            start = file.read(300)
    except OSError as error:
        raise Bad(f"--key {key}: {error.strerror}") from error
    if start.startswith("untrusted comment:"):
        return "minisign"
    if "OPENSSH PRIVATE KEY" in start or start.startswith(("ssh-", "ecdsa-", "sk-")):
        return "ssh"
    raise Bad(f"--key {key}: a key of neither minisign nor ssh-keygen")


def run(*words, **more):
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_MAX, **more)
    except FileNotFoundError as error:
        package = {"minisign": "minisign", "ssh-keygen": "openssh-client"}[words[0]]
        raise Bad(f"{words[0]} is not installed: apt-get install {package}") from error
    except subprocess.TimeoutExpired as error:
        raise Bad(f"{words[0]} took longer than {SECONDS_MAX} s (does the key ask for a password?)") from error


def signature_of(path, kind):
    return pathlib.Path(f"{path}.minisig" if kind == "minisign" else f"{path}.sig")


def forget(path):
    """Signatures of what was there before."""
    for kind in ("minisign", "ssh"):
        signature_of(path, kind).unlink(missing_ok=True)


def sign(path, key):
    if path == "-":
        raise Bad("--key: a certificate on standard output cannot be signed: name a file")
    kind = kind_of(key)
    if kind == "minisign":
        done = run("minisign", "-S", "-s", key, "-m", path, "-t", "lastack certificate",
                   input=os.environ.get("MINISIGN_PASSWORD", "") + "\n")
    else:
        done = run("ssh-keygen", "-Y", "sign", "-f", key, "-n", NAMESPACE, path, stdin=subprocess.DEVNULL)
    if done.returncode or not signature_of(path, kind).is_file():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Bad(f"--key {key}: not signed: {said[-1] if said else 'no reason given'}")


def check(path, key):
    """Why the signature is not that key's; None: it is."""
    kind = kind_of(key)
    signature = signature_of(path, kind)
    if not signature.is_file():
        return f"it is not signed ({signature} is not there)"
    if kind == "minisign":
        done = run("minisign", "-V", "-q", "-p", key, "-m", path, "-x", str(signature))
    else:
        public = pathlib.Path(key).read_text(encoding="utf-8", errors="replace").strip()
        with tempfile.NamedTemporaryFile("w", suffix=".signers") as signers, open(path, "rb") as content:
            signers.write(f'lastack namespaces="{NAMESPACE}" {public}\n')
            signers.flush()
            done = run("ssh-keygen", "-Y", "verify", "-f", signers.name, "-I", "lastack", "-n", NAMESPACE, "-s",
                       str(signature), stdin=content)
    return None if done.returncode == 0 else "its signature is not of this key, or it was changed"
