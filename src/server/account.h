// SPDX-License-Identifier: MIT
//
// The user that the server runs as. PostgreSQL refuses root, so root's keeper becomes somebody
// else: the owner of what is there, else postgres, else nobody. Everybody else stays who he is.
#ifndef TQ_SERVER_ACCOUNT_H
#define TQ_SERVER_ACCOUNT_H

#include <sys/types.h>

#include "base/error.h"
#include "server/folder.h"

struct tq_account {
    uid_t uid;
    gid_t gid;
    char name[64];
};

TQ_MUST_CHECK bool tq_account_choose(const struct tq_folder *folder, struct tq_account *account,
                                     struct tq_err *err);

/* For good: this process loses the rights of root. */
TQ_MUST_CHECK bool tq_account_become(const struct tq_account *account, struct tq_err *err);

/* The absolute path of folder's server/, which belongs to the account; the caller frees it. When
   it is missing it is made: here, or under /var/lib/taskq with a link here, when the account cannot
   reach this folder. */
TQ_MUST_CHECK bool tq_account_home(const struct tq_account *account, const struct tq_folder *folder,
                                   char **home, struct tq_err *err);

#endif
