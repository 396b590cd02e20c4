# To be sourced by scripts/test-cluster: jobs that lose hosts and go on with the others, under SLURM and
# without. Deadlines are those of cluster/README.md.

# lose HOST: the wire first, so that nobody hears of what ends behind it.
lose() {
  $lab_hosts cut "$1"
  $lab_hosts crash "$1"
  lost_at=$SECONDS
  lost_after=$(last_step)
}

# regain HOST: as lose found it, but for the processes that were there.
regain() {
  $lab_hosts mend "$1"
  $lab_hosts revive "$1"
}

# regain_node HOST: for SLURM too.
regain_node() {
  regain "$1"
  $lab_slurm start "$1"
  $lab_slurm run scontrol update nodename="$1" state=resume 2> /dev/null || true
}

# new_step: a step that the ranks cannot have ended without the lost host, within 45 s of its loss.
new_step() {
  wait_for_step $((lost_after + 2)) 60 || return 1
  local seconds=$((SECONDS - lost_at))
  echo "        new steps $seconds s after the loss"
  [ "$seconds" -le $((45 * patience)) ]
}

# wait_for_line PATTERN SECONDS FILE
wait_for_line() {
  local tries
  for ((tries = 0; tries < $2 * 5 * patience; tries++)); do
    ! grep -qE -- "$1" "$3" 2> /dev/null || return 0
    sleep 0.2
  done
  echo "no line '$1'"
  return 1
}

# a rank of HOST is killed, and with it this start.
kill_rank() { kill -KILL $(ranks_on "$1"); }

# --- Hosts over ssh

# launch_hosts TRAIN-OPTION...: cluster/launch on the hosts of the lab, its process id in $job.
launch_hosts() {
  local key=$DDP_LAB/key
  $lab_hosts run head env DDP_TRAIN="$program" DDP_TRAIN_NETWORK=10.78.0.0/24 \
    DDP_TRAIN_SSH="-i $key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR" \
    "$PWD/cluster/launch" "$DDP_LAB/hostfile" --config "$scratch/run.yaml" --out "$scratch/run" "$@" \
    > "$scratch/out" 2> "$scratch/err" < /dev/null &
  job=$!
}

launched_hosts_change() {
  long_run
  local steps=$long_steps undisturbed=$long_undisturbed result=0
  launch_hosts --steps "$steps"
  wait_for_step 8 || return 1
  lose n3
  new_step || result=1
  regain n3
  kill_rank n2
  ended "$job" 240 && [ "$status" -eq 0 ] || result=1
  [ "$result" -eq 0 ] && is_undisturbed && [ "$(grep -c '3 of 3 hosts:' "$scratch/out")" -eq 2 ] &&
    [ "$(grep -c '2 of 3 hosts:' "$scratch/out")" -eq 1 ] &&
    [ "$(grep -c 'n3 does not answer and is left out' "$scratch/out")" -eq 1 ]
}

launched_hosts_are_awaited() {
  local result=0
  DDP_TRAIN_MIN_NODES=3 launch_hosts --steps "$steps"
  wait_for_step 8 || return 1
  lose n3
  wait_for_line 'waiting: 2 of 3 hosts answer, and DDP_TRAIN_MIN_NODES is 3' 60 "$scratch/out" || result=1
  # It asks again meanwhile, and says nothing.
  sleep 12
  regain n3
  ended "$job" 120 && [ "$status" -eq 0 ] || result=1
  [ "$result" -eq 0 ] && is_undisturbed && [ "$(grep -c 'waiting:' "$scratch/out")" -eq 1 ] &&
    [ "$(grep -c 'does not answer' "$scratch/out")" -eq 1 ] &&
    [ "$(grep -c '3 of 3 hosts:' "$scratch/out")" -eq 2 ]
}

# refuses VALUE WORDS: cluster/launch ends with 64 and a line that has WORDS.
refuses() {
  DDP_TRAIN_MIN_NODES=$1 launch_hosts --steps 1
  ended "$job" 30 && [ "$status" -eq 64 ] && grep -q "$2" "$scratch/err"
}

wrong_minimum() {
  refuses 0 "DDP_TRAIN_MIN_NODES is '0'" && refuses few "DDP_TRAIN_MIN_NODES is 'few'" &&
    refuses 4 'DDP_TRAIN_MIN_NODES is 4, and the job has 3'
}

# --- SLURM

# stayed NODES...: the job was never requeued, and started on these in turn.
stayed() {
  local found expected
  found=$(sed -nE 's/^== .* start [0-9]+, on ([^ ]*)[,:] .*/\1/p' "$log" | tr '\n' ' ')
  expected=$(printf '%s ' "$@")
  [ "$(restarts)" -eq 0 ] && [ "$found" = "$expected" ] ||
    { echo "started on $found with $(restarts) requeues, not on $expected without"; return 1; }
}

# With two ranks a node.
node_crashes() {
  DDP_TRAIN_RANKS=2 submit train --cpus-per-task=2 --nodes=1-3 --time=10 -- --steps "$steps" || return 1
  wait_for_step 8 || return 1
  $lab_hosts crash n3
  local result=0
  # SLURM calls the job complete when it has heard so from all of its nodes.
  wait_for_line 'ended with 0' 120 "$log" || result=1
  regain_node n3
  completed 60 || result=1
  [ "$result" -eq 0 ] && is_undisturbed "$log" && stayed 'n[1-3]' 'n[1-2]' &&
    grep -q '^6 ranks x 1 thread on 3 hosts' "$log" && grep -q '^4 ranks x 1 thread on 2 hosts' "$log"
}

node_lost_and_back() {
  long_run
  local steps=$long_steps undisturbed=$long_undisturbed result=0
  submit train --cpus-per-task=1 --nodes=3 --time=20 -- --steps "$steps" || return 1
  wait_for_step 8 || return 1
  lose n3
  new_step || result=1
  regain_node n3
  nodes_ready 'mix|alloc' || result=1
  kill_rank n2
  completed 240 || result=1
  [ "$result" -eq 0 ] && is_undisturbed "$log" && stayed 'n[1-3]' 'n[1-2]' 'n[1-3]' &&
    grep -q 'n3 does not answer and is left out' "$log"
}

# SLURM notices later, and takes the node from the job for good: also when that is back.
node_taken_away() {
  long_run
  local steps=$long_steps undisturbed=$long_undisturbed result=0
  DDP_TRAIN_LAUNCHER=srun submit train --cpus-per-task=2 --nodes=3 --ntasks-per-node=2 --time=20 -- \
    --steps "$steps" || return 1
  wait_for_step 8 || return 1
  lose n3
  new_step || result=1
  $lab_slurm run scontrol update nodename=n3 state=down reason=test
  regain_node n3
  kill_rank n2
  completed 240 || result=1
  [ "$result" -eq 0 ] && is_undisturbed "$log" && stayed 'n[1-3]' 'n[1-2]' 'n[1-2]' &&
    grep -q 'n3 was taken from the job by SLURM' "$log" && grep -q '^4 ranks x 1 thread on 2 hosts' "$log"
}

too_few_nodes() {
  DDP_TRAIN_MIN_NODES=3 submit train --cpus-per-task=1 --nodes=3 --time=10 -- --steps "$steps" || return 1
  wait_for_step 8 || return 1
  lose n3
  local result=0
  wait_for_line '2 of 3 nodes answer, and DDP_TRAIN_MIN_NODES is 3: back to the queue' 90 "$log" || result=1
  regain_node n3
  completed 180 || result=1
  [ "$result" -eq 0 ] && [ "$(restarts)" -eq 1 ] && is_undisturbed "$log" &&
    [ "$(grep -c '^3 ranks x 1 thread on 3 hosts' "$log")" -eq 2 ]
}

# SLURM would leave the job without its script: the other nodes send it back to the queue.
first_node_lost() {
  submit train --cpus-per-task=1 --nodes=2-3 --time=10 -- --steps "$steps" || return 1
  wait_for_step 8 || return 1
  lose n1
  $lab_slurm run scontrol update nodename=n1 state=down reason=test
  local result=0
  wait_for_restart 1 120 && completed 180 || result=1
  regain_node n1
  [ "$result" -eq 0 ] && [ "$(restarts)" -eq 1 ] && is_undisturbed "$log" && grep -q 'on n\[2-3\]' "$log" &&
    grep -q 'n1, the first node of the job, is silent for a minute: back to the queue' "$log"
}

start_that_fails() {
  DDP_TRAIN=/bin/false submit train --cpus-per-task=1 --nodes=2 --time=10 -- --steps "$steps" || return 1
  wait_for_line 'no new checkpoint in 3 starts: given up' 90 "$log" && stayed 'n[1-2]' 'n[1-2]' 'n[1-2]'
}
