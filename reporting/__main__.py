"""lastack report: what people open, made from the result.json and the bundles that runs leave."""
import argparse
import os
import pathlib
import sys

import errors
import results
import standing
import waivers

OUTPUTS = ("html", "markdown", "certificate", "junit", "ctrf", "metrics")


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="lastack report", allow_abbrev=False,
        description="Report on runs again: each REPORT is the folder of a run, or its result.json; several are the "
                    "shards of one run.",
        epilog="exit status: that of the run, after waivers: 0 every expectation holds, 1 something is violated, "
               "2 usage or unreadable input, 3 nothing violated, something inconclusive; with --verify: 0 the "
               "certificate speaks of these files, 1 it does not")
    parser.add_argument("reports", metavar="REPORT", nargs="*", help="a run's folder, or its result.json")
    parser.add_argument("--baseline", metavar="REPORT", help="the run to compare with: what is new since")
    parser.add_argument("--waivers", metavar="FILE", help="findings that somebody has accepted until a date (YAML)")
    parser.add_argument("--html", metavar="FILE", help="one page, readable offline")
    parser.add_argument("--markdown", metavar="FILE", help="a summary for CI, below 900 KB")
    parser.add_argument("--certificate", metavar="FILE", help="an in-toto statement of these files, and beside it a page for people (FILE with .html)")
    parser.add_argument("--key", metavar="FILE", help="with --certificate: a secret key of minisign or ssh-keygen that "
                        "signs it; with --verify: the public one")
    parser.add_argument("--junit", metavar="FILE", help="JUnit XML")
    parser.add_argument("--ctrf", metavar="FILE", help="Common Test Report Format, JSON")
    parser.add_argument("--metrics", metavar="FILE", help="a text file for Prometheus' node exporter")
    parser.add_argument("--verify", metavar="CERTIFICATE", help="whether a certificate speaks of --server and --config")
    parser.add_argument("--server", metavar="PATH", help="with --verify: the server")
    parser.add_argument("--config", metavar="FILE", help="with --verify: its redis.conf")
    asked = parser.parse_args(argv)
    if not asked.verify and not asked.reports:
        parser.error("name a report: the folder of a run, or its result.json")
    if asked.key and not (asked.certificate or asked.verify):
        parser.error("--key goes with --certificate or --verify")
    if asked.verify and (asked.reports or not asked.key or not asked.server):
        parser.error("--verify takes --key and --server, --config where there is one, and no report")
    if not asked.verify and (asked.server or asked.config):
        parser.error("--server and --config go with --verify")
    for option in ("baseline", "waivers", "key", "verify", "server", "config", *OUTPUTS):
        if getattr(asked, option) == "":
            parser.error(f"--{option}: the name is empty (a variable that is not set?)")
    paths = [getattr(asked, option) for option in OUTPUTS if getattr(asked, option)]
    if asked.certificate and asked.certificate != "-":
        paths.append(str(pathlib.Path(asked.certificate).with_suffix(".html")))
    if len({os.path.abspath(path) if path != "-" else path for path in paths}) < len(paths):
        parser.error("two outputs would have the same name (a certificate has its page beside it, with .html)")
    return asked


def write(path, text):
    """Whole, or not at all; `-` is standard output."""
    if path == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    target = pathlib.Path(path)
    try:
        if target.exists() and not target.is_file():  # a device, a FIFO
            target.write_text(text, encoding="utf-8")
            return
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise errors.Bad(f"{path}: {error.strerror}") from error


def render(kind, view):
    """Each is loaded when it is asked for: what one needs to be installed, the others do without."""
    if kind == "html":
        import page
        return page.render(view)
    if kind == "markdown":
        import summary
        return summary.render(view)
    if kind == "junit":
        import junit
        return junit.render(view)
    if kind == "ctrf":
        import ctrf
        return ctrf.render(view)
    if kind == "metrics":
        import metrics
        return metrics.render(view)
    import certificate
    return certificate.render(view)


def certify(path, key, view):
    """Beside the statement stand its signature and a page for people."""
    import certificate
    import signature
    if path != "-":
        signature.forget(path)
    if key:
        signature.sign(path, key)
    if path != "-":
        write(str(pathlib.Path(path).with_suffix(".html")), certificate.render_page(view))


def report(asked):
    accepted = waivers.read(asked.waivers) if asked.waivers else []
    run = results.together([results.read(path) for path in asked.reports])
    before = results.read(asked.baseline) if asked.baseline else None
    view = standing.View(run, accepted, before)
    for kind in OUTPUTS:
        path = getattr(asked, kind)
        if not path:
            continue
        write(path, render(kind, view))
        if kind == "certificate":
            certify(path, asked.key, view)
    if "-" not in (getattr(asked, kind) for kind in OUTPUTS):
        print(view.line, flush=True)
    return view.status


def main():
    asked = arguments(sys.argv[1:])
    try:
        if asked.verify:
            import certificate
            return certificate.verify(asked.verify, asked.key, asked.server, asked.config)
        return report(asked)
    except errors.Bad as error:
        print(f"lastack report: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"lastack report: standard output: {error.strerror}", file=sys.stderr)
        sys.stdout = None  # nothing more is to be flushed
        return 2
    except Exception as error:  # a result that its format does not allow: never a verdict
        print(f"lastack report: damaged: the result cannot be reported on ({type(error).__name__}: {error})",
              file=sys.stderr)
        return 2


sys.exit(main())
