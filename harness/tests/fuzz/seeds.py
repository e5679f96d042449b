#!/usr/bin/python3
"""Seeds for fuzz_judge: for each type, what a sound server would answer, and one that claims more elements than there is
memory for; and for fuzz_text, recorded traffic.
`seeds.py JUDGE-FOLDER TEXT-FOLDER`."""
import pathlib
import sys

MASK = 2**64 - 1
TYPES = ("string counter list hash transaction set zset stream group bitmap hyperloglog geo append range script expiry "
         "move flush wait waitaof field-expiry function queue").split()


def value(seq, session=3, key=5, size=64):
    """As value.c makes it."""
    state = ((session << 32 | key) * 0x100000001b3 ^ seq) & MASK
    text = f"{session}.{key}.{seq}.{size}:".encode()
    while len(text) < size:
        state = (state + 0x9e3779b97f4a7c15) & MASK
        z = (state ^ state >> 30) * 0xbf58476d1ce4e5b9 & MASK
        z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
        z ^= z >> 31
        text += ((z & 0x3f3f3f3f3f3f3f3f) + 0x3030303030303030).to_bytes(8, "little")
    return text[:size]


def resp(reply):
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, list):
        return b"*%d\r\n" % len(reply) + b"".join(map(resp, reply))
    data = reply if isinstance(reply, bytes) else reply.encode()
    return b"$%d\r\n%b\r\n" % (len(data), data)


def entry(seq):
    return [f"{seq}-0", ["v", value(seq)]]


PARTS = [value(3), "3", [value(1), value(2), value(3)]]
HLL = b"HYLL\x01\0\0\0" + bytes(8) + b"\x40\x09\x84\x7f\xf3"
REPLIES = {
    "string": [value(3)], "counter": ["3"], "list": [[value(1), value(2), value(3)]],
    "hash": [["f0", value(1), "f1", value(2)]], "transaction": PARTS, "script": PARTS,
    "set": [[value(2), value(1)]], "zset": [["3.5.f0", "1", "3.5.f1", "2"]],
    "stream": [[entry(1), entry(2)]],
    "group": [[entry(2), entry(3)], [["name", "g", "consumers", 1, "pending", 1, "last-delivered-id", "2-0"]],
              [["2-0", "c", 10, 1]]],
    "bitmap": [b"\x70"], "hyperloglog": [HLL],
    "geo": [[["-149.9", "-75.0"], ["-149.8", "-75.0"]] + [None] * 6, 2],
    "append": [value(1) + value(2)], "range": [value(1) + bytes(64) + value(2)],
    "expiry": [value(2), 3599000], "field-expiry": [value(2), [3599000]], "move": [value(1), value(1)],
    "flush": ["OK", value(1), "OK"], "wait": [value(1)], "waitaof": [value(1)],
    "function": [[["library_name", "x"]], *PARTS], "queue": [[value(1), value(3)]],
}


RECORDED = {
    "aof": b"#TS:1700000000\r\n" + b"".join(map(resp, (
        ["SELECT", "1"], ["MULTI"], ["SET", "a", "b"], ["INCR", "c"], ["EXEC"], ["BLPOP", "d", "0"], ["DEL", "a"]))),
    "claim": b"*666666662\r\n$3\r\nDEL\r\n",
    "monitor": b'OK\n1700000000.1 [0 127.0.0.1:5] "SET" "a" "\\x00\\n"\n1700000000.2 [1 lua] "DEL" "a"\n',
}


def main():
    folder, texts = map(pathlib.Path, sys.argv[1:])
    for name, text in RECORDED.items():
        (texts / name).write_bytes(text)
    for number, name in enumerate(TYPES):
        replies = b"".join(map(resp, REPLIES[name]))
        for kinds in (b"\0\0\0\0", b"\0\1\2\3", b"\1\0\2\0"):
            ops = b"".join(bytes([kind, 1, 1, field]) for field, kind in enumerate(kinds))
            (folder / f"{name}-{kinds.hex()}").write_bytes(bytes([number, 4]) + ops + replies)
        (folder / f"{name}-claim").write_bytes(bytes([number, 1, 0, 1, 1, 0]) + b"*2147483647\r\n*666666662\r\n")


main()
