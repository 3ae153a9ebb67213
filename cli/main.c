/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
