# To be sourced by the scripts of this folder: one training job of any length, which stops in time,
# is started again, and goes on where it was. run_job ARGUMENT... trains with --resume auto. After a
# failure it starts the ranks again in the same allocation, on the nodes that answer.
#
# What clusters differ in, set in the environment or in the script before run_job:
#   DDP_TRAIN            the program                         ./ddp-train of a package, else .build/release/ddp-train
#   DDP_TRAIN_MODULES    modules to load, as 'openmpi/4.1'   none
#   DDP_TRAIN_CONTAINER  a prefix, as 'apptainer exec x.sif' none
#   DDP_TRAIN_LAUNCHER   mpirun or srun                      mpirun, else srun
#   DDP_TRAIN_RANKS      ranks a node, unless SLURM was asked for tasks    1
#   DDP_TRAIN_PLACE      node (a rank may use all of it) or socket (each keeps to one, in turns)
#   DDP_TRAIN_TRIES      starts in a row that may fail without a new checkpoint   3
#   DDP_TRAIN_MIN_NODES  nodes, or hosts, without which a job does not go on      1

. "${BASH_SOURCE[0]%/*}/nodes.sh"

say() { echo "== $(date '+%F %T') $*"; }

# The newest checkpoint of run folder $1, or nothing.
newest_checkpoint() {
  local names
  names=$(ls "$1/checkpoints" 2> /dev/null | grep '^step-.*\.safetensors$') || true
  echo "${names##*$'\n'}"
}

# The value of --out among the arguments.
run_folder() {
  local folder=
  while [ $# -gt 0 ]; do
    case $1 in
      --out) folder=${2:-} ;;
      --out=*) folder=${1#--out=} ;;
    esac
    shift
  done
  echo "$folder"
}

# A package has the program in its own folder, a clone where it was built.
default_program() { if [ -x ./ddp-train ]; then echo ./ddp-train; else echo .build/release/ddp-train; fi; }

# Whether starting again may help: it does after each new checkpoint, and a few times without one. The
# count outlives this process in the run folder, where there is one yet.
worth_a_try() {
  local folder=$1 before=$2 file=$1/.failures
  failures=${failures:-$(cat "$file" 2> /dev/null || echo 0)}
  if [ "$(newest_checkpoint "$folder")" != "$before" ]; then failures=0; else failures=$((failures + 1)); fi
  [ ! -d "$folder" ] || echo "$failures" 2> /dev/null > "$file" || true
  [ "$failures" -lt "${DDP_TRAIN_TRIES:-3}" ]
}

# Sets $ranks to the ranks of each node. Tasks are not asked of SLURM: a job with --ntasks-per-node
# keeps its first number of nodes for ever, one with --nodes=1-4 alone takes what is free at each start.
count_ranks() {
  ranks=${DDP_TRAIN_RANKS:-1}
  case $ranks in
    '' | *[!0-9]* | 0*) echo "DDP_TRAIN_RANKS is '$ranks'; give the ranks of a node" >&2; return 1 ;;
  esac
  if [ -n "${SLURM_JOB_NUM_NODES:-}" ] && [ -z "${SLURM_NTASKS:-}" ]; then
    # What mpirun takes for the slots of each node, and ddp-train for the processors of a rank: without
    # tasks --cpus-per-task is a node's.
    export SLURM_TASKS_PER_NODE="$ranks(x$SLURM_JOB_NUM_NODES)"
    if [ -n "${SLURM_CPUS_PER_TASK:-}" ]; then
      SLURM_CPUS_PER_TASK=$((SLURM_CPUS_PER_TASK >= ranks ? SLURM_CPUS_PER_TASK / ranks : 1))
      export SLURM_CPUS_PER_TASK
    fi
  fi
}

# Sets $least to the number of nodes, or hosts, without which a job does not go on; $1 is how many it has.
count_least() {
  least=${DDP_TRAIN_MIN_NODES:-1}
  case $least in
    '' | *[!0-9]* | 0*)
      echo "DDP_TRAIN_MIN_NODES is '$least'; give the number of nodes without which the job does not go on" >&2
      return 1
      ;;
  esac
  if [ "$least" -gt "$1" ]; then
    echo "DDP_TRAIN_MIN_NODES is $least, and the job has $1: give it more nodes (--nodes=$least), or ask for fewer" >&2
    return 1
  fi
}

# What the program's MPI and SLURM speak with each other.
choose_pmi() {
  case $($container "$program" --version 2> /dev/null) in
    *MPICH* | *Intel*) pmi=pmi2 ;;
    *) pmi=pmix ;;
  esac
  srun --mpi=list 2>&1 | grep -qw "$pmi"
}

# Sets $launch to the words before the program.
choose_launcher() {
  local launcher=${DDP_TRAIN_LAUNCHER:-}
  if [ -z "$launcher" ]; then
    if command -v mpirun > /dev/null; then launcher=mpirun; else launcher=srun; fi
  fi
  case $launcher in
    mpirun)
      launch=(mpirun)
      if [ "${DDP_TRAIN_PLACE:-node}" = socket ]; then
        launch+=(--map-by socket --bind-to socket:overload-allowed)
      else
        # Threads choose their own processors; Open MPI would bind one or two ranks to a core each.
        launch+=(--bind-to none)
        export I_MPI_PIN="${I_MPI_PIN:-0}"
      fi
      # Intel's mpirun is a script, which a signal ends while the ranks go on.
      if mpirun --version 2>&1 | grep -qF 'Intel(R) MPI'; then launch[0]=mpiexec.hydra; fi
      ;;
    srun)
      local pmi
      if ! choose_pmi && [ -n "${SLURM_JOB_ID:-}" ]; then
        echo "this SLURM has no $pmi (srun --mpi=list): load a module with mpirun" >&2
        return 1
      fi
      launch=(srun "--mpi=$pmi" --kill-on-bad-exit=1)
      if [ "${DDP_TRAIN_PLACE:-node}" = socket ]; then
        launch+=(--distribution=block:cyclic --cpu-bind=sockets)
      else
        launch+=(--cpu-bind=none)
      fi
      # Slurm 22.05 and later do not hand --cpus-per-task on to srun.
      local share=${SLURM_CPUS_PER_TASK:-}
      if [ -n "${SLURM_JOB_ID:-}" ]; then
        launch+=(--nodes="${#used[@]}" --nodelist="$(commas "${used[@]}")" --ntasks="$(count_tasks)")
        if [ -z "${SLURM_NTASKS:-}" ]; then
          launch+=(--ntasks-per-node="$ranks")
          # A whole node's, of the smallest of them.
          [ -n "$share" ] || share=$(for node in "${used[@]}"; do echo "${processors_of["$node"]:-$ranks}"; done |
            sort -n | awk -v ranks="$ranks" 'NR == 1 { print ($1 >= ranks) ? int($1 / ranks) : 1 }')
        fi
      fi
      [ -z "$share" ] || launch+=(--cpus-per-task="$share")
      ;;
    *) echo "DDP_TRAIN_LAUNCHER is '$launcher'; give mpirun or srun" >&2; return 1 ;;
  esac
}

# Sets $stop_signal to what $launch hands on to the ranks, for which they keep the last step and leave:
# Open MPI's mpirun, and srun, kill nobody for SIGUSR2; of it Hydra (MPICH, Intel MPI) would die, and
# after SIGTERM it waits for the ranks.
choose_stop_signal() {
  stop_signal=USR2
  if [ "${launch[0]}" != srun ] && "${launch[0]}" --version 2>&1 | grep -qE 'HYDRA|Intel'; then
    stop_signal=TERM
  fi
}

# stop_job SECONDS: asks the ranks to keep the last step and leave. SIGTERM follows for those that do
# not hear.
stop_job() {
  [ -z "$stopping" ] || return 0
  stopping=1
  say "told to stop: the ranks keep their last step"
  [ -n "$job" ] || return 0
  kill -"$stop_signal" "$job" 2> /dev/null || return 0
  local tries
  for ((tries = 0; tries < $1 * 5; tries++)); do
    kill -0 "$job" 2> /dev/null || return 0
    sleep 0.2
  done
  say "still there after $1 s: SIGTERM"
  kill -TERM "$job" 2> /dev/null || true
}

# Whether the ranks of this start have said why they end it.
has_failed() { grep -qsxF "start: ${DDP_TRAIN_START:-}" "$folder/last-failure.txt"; }

# below PID: the processes that it has started, and theirs.
below() {
  local child
  for child in $(ps -o pid= --ppid "$1"); do
    echo "$child"
    below "$child"
  done
}

# await_answers FILE COUNT: until FILE has COUNT lines, or FILE.why, of those who cannot be reached, has
# the rest, or the rest is late: how long the first takes to answer says how busy all of this is.
await_answers() {
  local begin=$SECONDS first
  while [ "$(cat "$1" "$1.why" 2> /dev/null | wc -l)" -lt "$2" ]; do
    if [ -z "${first:-}" ] && [ -s "$1" ]; then first=$((SECONDS - begin)); fi
    [ $((SECONDS - begin)) -lt $((${first:-18} * 3 + 6)) ] || return 0
    sleep 0.2
  done
}

# Asks, in the background, who answers: $survey is its process id. `answering` is the caller's.
begin_survey() {
  [ -z "$survey" ] || return 0
  answering "$answers" &
  survey=$!
}

# Waits for the answers; a trapped signal ends `wait` early.
end_survey() {
  begin_survey
  while kill -0 "$survey" 2> /dev/null; do wait "$survey"; done
  survey=
}

# attempt ARGUMENT...: one start, unless told to stop before it; its status in $status.
attempt() {
  status=85
  survey=
  choose_stop_signal
  [ -z "$stopping" ] || return 0
  export DDP_TRAIN_START="$(hostname)-$$-$(date +%s)"
  (
    if [ "${launch[0]}" != srun ] && [ -n "${SLURM_JOB_ID:-}" ]; then keep_to_used; fi
    exec "${launch[@]}" $container "$program" train "$@" --resume auto < /dev/null
  ) &
  job=$!
  # The signal may have come between the last two lines.
  [ -z "$stopping" ] || kill -"$stop_signal" "$job"
  local ticks=0
  while kill -0 "$job" 2> /dev/null; do
    sleep 0.5
    has_failed || continue
    begin_survey
    # Ranks leave within 6 s; mpirun may then wait for a host that is gone until TCP gives up, in a
    # quarter of an hour.
    ticks=$((ticks + 1))
    [ "$ticks" -ge 13 ] || continue
    [ "$ticks" -gt 13 ] || say "the launcher outlives its job and is killed"
    kill -KILL "$job" $(below "$job") 2> /dev/null
  done
  status=0
  wait "$job" || status=$?
  # MPICH 4.0 may forget that the ranks left with more to do; a run that is done is found so at once.
  [ "$status" -ne 0 ] || [ -z "$stopping" ] || status=85
  job=
}

# pause SECONDS: ends early when told to stop.
pause() {
  local tries
  for ((tries = 0; tries < $1 * 2; tries++)); do
    [ -z "$stopping" ] || return 0
    sleep 0.5
  done
}

# Before a start that follows on one which failed at once: what it failed of may take a while to mend.
breathe() {
  if [ "${failures:-0}" -gt 0 ] && [ "$((SECONDS - began))" -lt 20 ]; then pause $((failures * 10)); fi
}

# mend: after a failure, the nodes for the next start; false where too few are left.
mend() {
  local tries left
  for tries in 1 2; do
    end_survey
    mapfile -t left < <(for node in "${nodes[@]}"; do grep -xF "$node" "$answers"; done)
    if [ ${#left[@]} -ge "$least" ]; then
      used=("${left[@]}")
      return 0
    fi
    [ "$tries" -eq 2 ] || pause 10
    [ -z "$stopping" ] || return 0
  done
  say "${#left[@]} of ${#nodes[@]} nodes answer, and DDP_TRAIN_MIN_NODES is $least: back to the queue"
  return 1
}

# run_job ARGUMENT...: does not return.
run_job() {
  folder=$(run_folder "$@")
  if [ -z "$folder" ]; then
    echo "give --out FOLDER: a job that is started again finds its run there" >&2
    exit 64
  fi
  if [ -n "${DDP_TRAIN_MODULES:-}" ]; then module load $DDP_TRAIN_MODULES || exit 1; fi
  program=${DDP_TRAIN:-$(default_program)}
  container=${DDP_TRAIN_CONTAINER:-}
  launch=()
  { count_ranks && count_least "${SLURM_JOB_NUM_NODES:-1}"; } || exit 64
  [ -z "${SLURM_JOB_ID:-}" ] || note_allocation
  choose_launcher || exit 64
  # Told to end, Open MPI gives its ranks this many seconds to write the last step, twice.
  if mpirun --version 2>&1 | grep -qE 'Open MPI|OpenRTE'; then
    export OMPI_MCA_odls_base_sigkill_timeout="${OMPI_MCA_odls_base_sigkill_timeout:-4}"
    export PRTE_MCA_odls_base_sigkill_timeout="${PRTE_MCA_odls_base_sigkill_timeout:-4}"
  fi
  job=
  stopping=
  terminated=
  trap 'stop_job 60' USR1
  trap '[ -n "$stopping" ] || terminated=1; stop_job 20' TERM INT
  local place=${SLURM_JOB_NODELIST:-$(hostname)} before began
  if [ -n "${SLURM_JOB_ID:-}" ]; then
    answers=$(mktemp)
    trap 'rm -f "$answers"' EXIT
    # A step of a start that was lost may still be there.
    export SLURM_OVERLAP=1
  fi
  while true; do
    before=$(newest_checkpoint "$folder")
    say "job ${SLURM_JOB_ID:-$$}, start $((${SLURM_RESTART_COUNT:-0} + 1)), on $place:" \
      "${launch[*]} $program train $* (from ${before:-the first step})"
    began=$SECONDS
    [ -z "${SLURM_JOB_ID:-}" ] || start_guard
    attempt "$@"
    [ -z "${SLURM_JOB_ID:-}" ] || stop_guard
    say "ended with $status on $(hostname)"
    case $status in
      0) rm -f "$folder/.failures"; exit 0 ;;
      64) exit 64 ;;
    esac
    # 85 is ddp-train's "more to do"; a job that was told to stop may end otherwise, its step kept.
    if [ "$status" -eq 85 ] || [ -n "$stopping" ]; then break; fi
    if ! worth_a_try "$folder" "$before"; then
      say "no new checkpoint in ${DDP_TRAIN_TRIES:-3} starts: given up; see the lines above"
      exit "$status"
    fi
    if [ -z "${SLURM_JOB_ID:-}" ]; then exit "$status"; fi
    breathe
    mend || break
    end_steps
    choose_launcher || exit 64
    place="$(scontrol show hostlist "$(commas "${used[@]}")"), ${#used[@]} of ${#nodes[@]} nodes, again"
  done
  again
  exit "$status"
}

# Starts the job again by the batch system.
again() {
  if [ -z "${SLURM_JOB_ID:-}" ]; then return; fi
  if [ -n "$terminated" ]; then
    # SLURM requeues by itself what it has pre-empted; what somebody has cancelled must not come back.
    say "told to end by SLURM, which brings the job back unless it was cancelled"
    return
  fi
  if [ "${SLURM_RESTART_COUNT:-0}" -ge "${DDP_TRAIN_RESTARTS:-1000}" ]; then
    say "restarted ${SLURM_RESTART_COUNT} times: given up"
    return
  fi
  # SLURM ends this script as it requeues the job.
  if scontrol requeue "$SLURM_JOB_ID"; then sleep 60; else say "the job cannot be requeued"; fi
}
