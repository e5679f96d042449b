#include "run/steps.h"

#include <stddef.h>

const struct la_step_kind *const la_step_kinds[] = {
    &la_step_load,   &la_step_stop_load, &la_step_arm,     &la_step_disarm,   &la_step_wait,      &la_step_sleep,
    &la_step_kill,   &la_step_pause,     &la_step_command, &la_step_truncate, &la_step_append,    &la_step_zero,
    &la_step_remove, &la_step_backup,    &la_step_restore, &la_step_tool,     &la_step_configure, &la_step_kill_child,
    &la_step_mark,   &la_step_power_cut, &la_step_recover, &la_step_verify,   &la_step_compare,   &la_step_measure,
    &la_step_bench,  &la_step_fio,       &la_step_fill,    &la_step_reload,   &la_step_brink,     &la_step_shell,
    &la_step_stage,  &la_step_cut,       &la_step_script,  &la_step_restored, &la_step_count,     NULL,
};
