/* lastack explore. */
#ifndef LASTACK_CLI_EXPLORE_H
#define LASTACK_CLI_EXPLORE_H

int la_cli_explore(int argc, char **argv);

#endif
