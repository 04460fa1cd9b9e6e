// SPDX-License-Identifier: MIT
//
// Everything is in command/.
#include "command/command.h"

int main(int argc, char **argv)
{
    return (int)tq_command_main(argc, argv);
}
