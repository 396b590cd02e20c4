# To be sourced by job.sh: which nodes of a SLURM allocation are left after a failure, and how launchers
# are kept to them.
#
# The scripts ask for --no-kill: an allocation outlives its nodes. SLURM itself calls a silent node down
# after SlurmdTimeout, 300 s where nothing else is set, so that nodes are asked instead.

# each_count COUNTS: '2(x3),1' as one number a line.
each_count() {
  tr ',' '\n' <<< "$1" | sed -E 's/^([0-9]+)\(x([0-9]+)\)$/\1 \2/' |
    awk '{ for (i = 0; i < ($2 == "" ? 1 : $2); i++) print $1 }'
}

# commas WORD...: with commas between them.
commas() { local IFS=,; echo "$*"; }

# Sets $nodes to the nodes of the allocation, $used to those of the next start, which are all of them,
# and $tasks_of and $processors_of to what each gives.
note_allocation() {
  local each_tasks each_processors i
  mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
  mapfile -t each_tasks < <(each_count "$SLURM_TASKS_PER_NODE")
  mapfile -t each_processors < <(each_count "${SLURM_JOB_CPUS_PER_NODE:-}")
  declare -gA tasks_of=() processors_of=()
  for i in "${!nodes[@]}"; do
    tasks_of["${nodes[i]}"]=${each_tasks[i]:-1}
    processors_of["${nodes[i]}"]=${each_processors[i]:-}
  done
  used=("${nodes[@]}")
}

# The sum of the tasks of the nodes that are used.
count_tasks() {
  local node sum=0
  for node in "${used[@]}"; do sum=$((sum + tasks_of["$node"])); done
  echo "$sum"
}

# For the process that becomes the launcher: what an mpirun, by whichever library, takes for the
# allocation. srun has options for it, and would find too few nodes for the next survey.
keep_to_used() {
  local node tasks=() processors=() sum
  if [ ${#used[@]} -eq ${#nodes[@]} ]; then return; fi
  for node in "${used[@]}"; do
    tasks+=("${tasks_of["$node"]}")
    processors+=("${processors_of["$node"]}")
  done
  SLURM_JOB_NODELIST=$(commas "${used[@]}")
  SLURM_TASKS_PER_NODE=$(commas "${tasks[@]}")
  SLURM_JOB_CPUS_PER_NODE=$(commas "${processors[@]}")
  sum=$(count_tasks)
  export SLURM_JOB_NODELIST SLURM_TASKS_PER_NODE SLURM_JOB_CPUS_PER_NODE
  export SLURM_NODELIST=$SLURM_JOB_NODELIST SLURM_JOB_NUM_NODES=${#used[@]} SLURM_NNODES=${#used[@]}
  # MPICH's counts the nodes of the list and leaves it to srun which they are.
  export HYDRA_LAUNCHER_EXTRA_ARGS="--nodelist=$SLURM_JOB_NODELIST ${HYDRA_LAUNCHER_EXTRA_ARGS:-}"
  [ -z "${SLURM_NTASKS:-}" ] || export SLURM_NTASKS=$sum SLURM_NPROCS=$sum
}

# on_nodes NODE... -- COMMAND...: COMMAND once on each, beside whatever else runs there.
on_nodes() {
  local where=()
  while [ "$1" != -- ]; do
    where+=("$1")
    shift
  done
  shift
  exec srun --overlap --no-kill --mpi=none --cpus-per-task=1 --nodes=${#where[@]} \
    --ntasks=${#where[@]} --ntasks-per-node=1 --nodelist="$(commas "${where[@]}")" "$@"
}

# Of the nodes that the job began with, those that SLURM has not taken from it and does not call ill.
nodes_in_service() {
  local kept state node
  kept=$(scontrol show hostnames "$(squeue -h -j "$SLURM_JOB_ID" -o %N)") || return
  state=$(sinfo -h -N -n "$(commas "${nodes[@]}")" -o '%N %T') || return
  for node in "${nodes[@]}"; do
    if ! grep -qxF "$node" <<< "$kept"; then
      say "$node was taken from the job by SLURM" >&2
    elif grep -qE "^$node (down|drain|fail|error)" <<< "$state"; then
      say "$node is left out: $(sed -n "s/^$node //p" <<< "$state" | head -n 1)" >&2
    else
      echo "$node"
    fi
  done
}

# answering FILE: writes to FILE the nodes that start a task, asked in groups that srun reaches without a
# detour over other nodes.
answering() {
  local candidates i steps=() node
  : > "$1"
  mapfile -t candidates < <(nodes_in_service)
  for ((i = 0; i < ${#candidates[@]}; i += 16)); do
    on_nodes "${candidates[@]:i:16}" -- --input=none sh -c 'echo "$SLURMD_NODENAME"' >> "$1" 2> /dev/null &
    steps+=($!)
  done
  await_answers "$1" ${#candidates[@]}
  disown "${steps[@]}"
  kill -KILL "${steps[@]}" 2> /dev/null
  for node in "${candidates[@]}"; do
    grep -qxF "$node" "$1" || say "$node does not answer and is left out" >&2
  done
}

# Steps that wait for a lost node, and ranks beyond a cut once that is mended.
end_steps() {
  local step
  for step in $(squeue -h -s -j "$SLURM_JOB_ID" -o %i | grep -E '\.[0-9]+$'); do scancel "$step"; done
}

# With --no-kill SLURM does not bring a job back whose first node dies, the one that runs this script:
# the other nodes do, when they have heard nothing of it for a minute. Time in which the whole job was
# suspended counts as one silence of three.
start_guard() {
  local others=() node log
  for node in "${used[@]}"; do [ "$node" = "$SLURMD_NODENAME" ] || others+=("$node"); done
  guard=
  [ ${#others[@]} -gt 0 ] || return 0
  log=$(readlink "/proc/$$/fd/1")
  while sleep 10 > /dev/null; do echo; done > >(
    SECONDS=0
    (on_nodes "${others[@]}" -- --job-name=guard bash -c "$guard_script" "$log" "$SLURMD_NODENAME") \
      > /dev/null 2>&1 || [ "$SECONDS" -ge 5 ] ||
      say "no step starts beside the ranks: if $SLURMD_NODENAME dies, the job stays until its time limit"
  ) &
  guard=$!
}

# One after the other, and each ends with the job. As an argument of bash: $0 is the log of the job.
guard_script='
silences=0
while [ $silences -lt 3 ]; do
  if read -r -t 20; then silences=0; elif [ $? -gt 128 ]; then silences=$((silences + 1)); else exit 0; fi
done
sleep $((SLURM_PROCID * 3))
echo "== $(date "+%F %T") $1, the first node of the job, is silent for a minute: back to the queue" >> "$0"
scontrol requeue "$SLURM_JOB_ID"
'

stop_guard() {
  [ -z "$guard" ] || kill "$guard" 2> /dev/null
  guard=
}
