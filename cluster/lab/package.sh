# To be sourced by scripts/test-cluster: the package of scripts/package in a bare Debian, under the MPIs
# that its users have. DDP_TRAIN_PACKAGE names a tarball that is made already.

bare_root=cluster/lab/bare-root
# The program warns of variables of this kind that it does not read.
export -n DDP_TRAIN_PACKAGE

# as_user COMMAND...: in the bare root, without rights, in the package's folder.
as_user() {
  $bare_root run "$root" env -C "$place" "${launch_variables[@]}" "$@" \
    > "$scratch/out" 2> "$scratch/err" < /dev/null
}

# is_version PATTERN COMMAND...: COMMAND --version names that MPI.
is_version() {
  local pattern=$1
  shift
  as_user "$@" --version && grep -qE "^[0-9]+\.[0-9]+\.[0-9]+, $pattern" "$scratch/out"
}

# gives_receipt WORD...: the run that these words start ends with the tree's weights.
gives_receipt() {
  rm -rf "$root/tmp/run"
  as_user "$@" train --config /tmp/run.yaml --out /tmp/run --resume auto --steps "$steps" || return 1
  [ "$(receipt)" = "$undisturbed" ] || { echo "weights '$(receipt)', not $undisturbed"; return 1; }
}

unpacks_anywhere() {
  $bare_root run "$root" tar -C /srv/some/other/folder -xzf "/srv/$(basename "$tarball")" &&
    as_user sha256sum -c --quiet SHA256SUMS && [ ! -s "$scratch/out" ] &&
    [ -z "$(find "$root$place" -type f -perm /022)" ]
}

says_what_is_missing() {
  ! as_user ./ddp-train --version && [ "$(wc -l < "$scratch/err")" -eq 1 ] &&
    grep -q 'libmpi.so.40.*libmpi.so.12.*apt-get install openmpi-bin' "$scratch/err"
}

# As root `mpirun` would refuse, and two ranks be bound to a core each.
by_open_mpi() {
  is_version 'Open MPI v4' ./ddp-train && gives_receipt ./ddp-train &&
    is_version 'Open MPI v4' mpirun.openmpi --bind-to none -np 1 ./ddp-train &&
    gives_receipt mpirun.openmpi --bind-to none --oversubscribe -np 2 ./ddp-train
}

by_mpich() {
  is_version MPICH mpirun.mpich -np 1 ./ddp-train && gives_receipt mpirun.mpich -np 2 ./ddp-train
}

# Both are there: the launcher decides, alone the variable.
by_either() {
  is_version 'Open MPI' mpirun.openmpi -np 1 ./ddp-train &&
    is_version MPICH mpirun.mpich -np 1 ./ddp-train &&
    is_version MPICH env DDP_TRAIN_MPI=mpich ./ddp-train &&
    is_version 'Open MPI' env DDP_TRAIN_MPI=openmpi ./ddp-train
}

mpich_alone() { is_version MPICH ./ddp-train && gives_receipt ./ddp-train; }

# A launcher of one kind, and no library of its kind.
wrong_library() {
  ! as_user env OMPI_COMM_WORLD_SIZE=2 ./ddp-train --version &&
    grep -q "Open MPI's launcher has started this, and its library libmpi.so.40 is not found" \
      "$scratch/err"
}

# The batch script from the package's folder, as SLURM would start it.
batch_script() {
  rm -rf "$root/tmp/run"
  as_user env SLURM_SUBMIT_DIR="$place" bash cluster/train.sbatch --config /tmp/run.yaml \
    --out /tmp/run --steps "$steps" && [ "$(receipt)" = "$undisturbed" ]
}

by_link() {
  $bare_root run "$root" ln -sfn "$place/ddp-train" /tmp/a-link && is_version MPICH /tmp/a-link
}

# package_by_srun PMI: two nodes of the lab's SLURM, ranks by srun, with what the package has and nothing
# of the clone.
package_by_srun() {
  local pmi=$1 submitted_from
  submitted_from=$scratch/unpacked/$(basename "$tarball" .tar.gz)
  # The job inherits the environment, and would take that program.
  local DDP_TRAIN=
  mkdir -p "$scratch/unpacked" && tar -C "$scratch/unpacked" -xzf "$tarball" || return 1
  DDP_TRAIN_LAUNCHER=srun DDP_TRAIN_RANKS=2 submit train --cpus-per-task=2 --nodes=2 --time=10 -- \
    --steps "$steps" || return 1
  completed 120 && is_undisturbed "$log" && grep -q '^4 ranks x 1 thread on 2 hosts' "$log" &&
    grep -qE "srun --mpi=$pmi.* \./ddp-train train" "$log"
}

# The hosts of the lab are one machine to UCX, and share no memory.
mpich_package_by_srun() {
  UCX_TLS=tcp,self UCX_NET_DEVICES=eth0 DDP_TRAIN_MPI=mpich package_by_srun pmi2
}

package_under_slurm() {
  # Numbers of jobs begin anew.
  rm -f "$scratch"/job-*.log
  if $lab_slurm up > "$scratch/out" 2>&1; then
    judge "the package by srun --mpi=pmix on two nodes gives the tree's weights" package_by_srun pmix
    judge "the package under MPICH by srun --mpi=pmi2 does too" mpich_package_by_srun
  else
    cannot "the package by srun" "SLURM does not start here: $(tail -n 3 "$scratch/out" | tr '\n' ' ')"
  fi
  $lab_slurm down || true
}

package_part() {
  root=$scratch/bare
  tarball=${DDP_TRAIN_PACKAGE:-}
  if [ -z "$tarball" ]; then
    if ! scripts/package "$scratch/package" > "$scratch/out" 2> "$scratch/err"; then
      cannot package "scripts/package: $(tail -n 1 "$scratch/err")"
      return
    fi
    tarball=$(echo "$scratch"/package/*.tar.gz)
  fi
  package_under_slurm
  if ! $bare_root make "$root" > "$scratch/out" 2>&1; then
    cannot package "debootstrap makes no Debian here: $(tail -n 1 "$scratch/out")"
    return
  fi
  cp "$tarball" "$root/srv/"
  grep -v '^out:\|^resume:' "$scratch/run.yaml" > "$root/tmp/run.yaml"
  chmod 644 "$root/tmp/run.yaml" "$root/srv/"*.tar.gz
  install -d -o 65534 -g 65534 "$root/srv/some/other/folder" "$root$(package_place)"
  place=$(package_place)
  launch_variables=(OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_mpi_yield_when_idle=1)
  judge "the package unpacks anywhere and is whole" unpacks_anywhere
  judge "without an MPI it says what to install" says_what_is_missing
  $bare_root install "$root" openmpi-bin || { cannot package "no openmpi-bin from the mirror"; return; }
  judge "the package under Open MPI gives the tree's weights" by_open_mpi
  $bare_root install "$root" mpich || { cannot package "no mpich from the mirror"; return; }
  judge "the package under MPICH gives the tree's weights" by_mpich
  judge "with both, the launcher or DDP_TRAIN_MPI decides" by_either
  $bare_root remove "$root" openmpi-bin openmpi-common libopenmpi3
  judge "where there is MPICH alone, it is taken" mpich_alone
  judge "a launcher without its library is named" wrong_library
  judge "the package's batch script" batch_script
  judge "the package by a link" by_link
}

package_place() { echo "/srv/some/other/folder/$(basename "$tarball" .tar.gz)"; }
