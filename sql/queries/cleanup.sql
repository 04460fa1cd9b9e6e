-- One step of removing old finished tasks.
--   $1 bigint age in us, $2 text status (null: all), $3 bool whole_days, $4 int most
-- Returns one row: how many tasks went; what remains (null, more, busy).
-- Called by tq_operator_cleanup(), tq_chore_cleanup().
select removed, remains
from taskq.cleanup(
  $1::bigint * interval '1 microsecond', $2::text::taskq.task_status, whole_days => $3::bool,
  most => $4::int
)
