"""Passwords do not stand in what is published. Bundles and results have none; a command line or a log line may."""
import re

CLIENT = r"\b(?:redis|valkey|keydb)-(?:cli|benchmark)\b"
# A word of a shell, and one of redis.conf, in which ; | & are characters as any other.
WORD = r"""((?:"(?:[^"\\]|\\.){0,500}"|'[^']{0,500}'|\\.|[^\s'"|;&\\]){1,500})"""
VALUE = r"""("(?:[^"\\]|\\.){0,500}"|'[^']{0,500}'|[^\s'",}]{1,500})"""
DIRECTIVES = "requirepass|masterauth|primaryauth|sentinel-pass|tls-(?:client-)?key-file-pass"

PATTERNS = [re.compile(pattern, re.IGNORECASE) for pattern in (
    rf"({CLIENT}[^\n]{{0,300}}?\s(?:-a|--pass)[\s=]+){WORD}",
    rf"((?:REDIS|VALKEY|KEYDB)CLI_AUTH=){WORD}",
    r"(://[^:@/\s]{0,100}:)([^@\s/]{1,200})(?=@)",
    rf"(\b(?:{DIRECTIVES})\b[\"']?\s*[\s:=]\s*){VALUE}",
    rf"(\bauth-pass\s+\S+\s+){VALUE}",
)]
AUTH = re.compile(rf"((?:^|[\s'\"`(\[>])auth2?[\"']?\s+){VALUE}(?:(\s+){VALUE})?", re.IGNORECASE)
ACL = re.compile(r"\b(setuser|user)\s", re.IGNORECASE)
RULE = re.compile(r"((?:^|[\s'\"])[><#])([^\s'\"]{3,200})(?=[\s'\"]|$)")
SIGNS = re.compile(r"pass|auth|://|-a\b|user\s", re.IGNORECASE)  # without one of them there is nothing to hide


def hide(text):
    text = str(text)
    if not SIGNS.search(text):
        return text
    for pattern in PATTERNS:
        text = pattern.sub(lambda found: f"{found[1]}***", text)
    text = AUTH.sub(lambda found: f"{found[1]}***" + (f"{found[3]}***" if found[3] else ""), text)
    if ACL.search(text):
        text = RULE.sub(lambda found: f"{found[1]}***", text)
    return text
