"""A text file for Prometheus: what its node exporter's textfile collector reads. No timestamps."""
from errors import needs

VERDICTS = ("holds", "violated", "inconclusive", "waived")


def gauges(view, gauge):
    data = view.data
    gauge("lastack_info", "What was run, by which lastack.",
          [({"version": data["lastack"], "server": data["server"].get("name", ""),
             "server_version": data["server"].get("version", ""), "seed": str(data["seed"])}, 1)])
    gauge("lastack_run_start_time_seconds", "When the run began, in seconds since 1970.", [({}, view.began_ms / 1000)])
    gauge("lastack_run_duration_seconds", "How long it took.", [({}, data["seconds"])])
    gauge("lastack_run_finished", "1: it has ended; 0: it was killed or interrupted.", [({}, int(data["finished"]))])
    gauge("lastack_exit_status", "Exit status, after waivers.", [({}, view.status)])
    gauge("lastack_scenarios", "Scenarios by verdict, after waivers.",
          [({"verdict": verdict}, view.counts[verdict]) for verdict in VERDICTS])
    gauge("lastack_scenario_verdict", "1 for the verdict of each scenario, 0 for the others.",
          [({"scenario": one.name, "group": one.entry["group"], "verdict": verdict}, int(one.verdict == verdict))
           for one in view.scenarios for verdict in VERDICTS])
    for name, words, part, figure, scale in (
            ("lastack_lost_operations", "Acknowledged operations that are lost.", "rpo", "lost", 1),
            ("lastack_acknowledged_operations", "Acknowledged operations.", "rpo", "acked", 1),
            ("lastack_loss_window_seconds", "How far back the loss reaches.", "rpo", "window_ms", 1000),
            ("lastack_ready_seconds", "From the fault to the first PONG that is not LOADING.", "rto", "ready_ms", 1000)):
        gauge(name, words,
              [({"scenario": one.name}, one.entry[part][figure] / scale) for one in view.scenarios
               if (one.entry[part] or {}).get(figure) is not None])
    gauge("lastack_claim_verdict", "1 for the verdict of each claim.",
          [({"claim": claim["id"], "verdict": claim["verdict"]}, 1) for claim in view.claims])


def render(view):
    try:
        import prometheus_client
    except ImportError as error:
        raise needs("python3-prometheus-client", error) from error
    registry = prometheus_client.CollectorRegistry()

    def gauge(name, words, samples):
        if not samples:
            return
        family = prometheus_client.Gauge(name, words, list(samples[0][0]), registry=registry)
        for labels, value in samples:
            (family.labels(**labels) if labels else family).set(value)
    gauges(view, gauge)
    return prometheus_client.generate_latest(registry).decode()
