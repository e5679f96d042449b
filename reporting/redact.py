"""Passwords do not stand in what is published. Bundles and results have none; a command line or a log line may."""
import re

VALUE = r"""("[^"]*"|'[^']*'|[^\s'"|;&]+)"""
PATTERNS = [re.compile(pattern, re.IGNORECASE) for pattern in (
    rf"(redis-cli\b[^|;&\n]*?\s(?:-a|--pass)[\s=]+)()(){VALUE}",
    r"(://[^:@/\s]*:)()()([^@\s]+)(?=@)",
    rf"(REDISCLI_AUTH=)()(){VALUE}",
    rf"((?:^|[\s'\"`(\[>])auth\s+)((?:\S+\s+)?)(){VALUE}",
    rf"(\b(?:requirepass|masterauth|primaryauth|tls-(?:client-)?key-file-pass)\"?[\s=]+)()(){VALUE}",
    r"((?:^|[\s'\"])[><#])()()([^\s'\"]{3,})(?=[\s'\"]|$)",
)]
ACL = re.compile(r"\b(setuser|user)\s", re.IGNORECASE)


def hide(text):
    text = str(text)
    for pattern in PATTERNS[:-1]:
        text = pattern.sub(lambda found: f"{found[1]}{found[2]}{found[3]}***", text)
    if ACL.search(text):
        text = PATTERNS[-1].sub(lambda found: f"{found[1]}***", text)
    return text
