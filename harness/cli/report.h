/* lastack report, swarm, sweep, shrink and explain, which are programs in python3, and what they ask of us. */
#ifndef LASTACK_CLI_REPORT_H
#define LASTACK_CLI_REPORT_H

/* Becomes the program in python3 that writes reports, draws scenarios, or explains. */
int la_cli_report(int argc, char **argv);
int la_cli_swarm(int argc, char **argv);
int la_cli_coverage(int argc, char **argv);
int la_cli_shrink(int argc, char **argv);
int la_cli_sweep(int argc, char **argv);
int la_cli_explain(int argc, char **argv);

/* `lastack merge REPORT...`: the result of several shards, as JSON. */
int la_cli_merge(int argc, char **argv);

#endif
