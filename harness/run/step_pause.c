/* The step pause: a node that stands still for a while, as a virtual machine or a swapping host does. */
#include <signal.h>

#include "run/steps.h"
#include "run/wait.h"

struct pause {
    char *node;
    unsigned int ms;
};

static int run_pause(struct la_run *run, const struct la_spec *spec)
{
    struct la_node *node = la_run_node(run, spec->node);
    la_run_pump(run);
    if (!node->pid)
        return la_run_doubt(run, "%s is not running: it cannot be paused", node->spec->name);
    node->stopped_ns = la_now_ns();
    la_node_signal(node, LA_SCOPE_GROUP, SIGSTOP);
    la_run_event(run, node->spec->name, "stands still");
    la_wait_ms(run, ((const struct pause *)spec)->ms);
    la_node_signal(node, LA_SCOPE_GROUP, SIGCONT);
    la_run_went_on(run, node);
    la_run_event(run, node->spec->name, "goes on");
    return 0;
}

static const cyaml_schema_field_t pause_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct pause, node),
                                                    LA_NEEDED("ms", struct pause, ms), LA_END};

static const char *harm_of_pause(const struct la_spec *spec)
{
    (void)spec;
    return "pause";
}

const struct la_step_kind la_step_pause = {
    .form = {"pause", pause_fields, sizeof(struct pause)},
    .run = run_pause,
    .harm = harm_of_pause,
};
