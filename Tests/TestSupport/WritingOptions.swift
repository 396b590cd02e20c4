/// What commands do with the paths that they are given, by command and option; words without an
/// option are called as the help calls them.
///
/// `WritingCommandTests` holds this to the table of commands, `OutputConflictTests` tries each
/// output: who adds one adds it here, and what it must not overwrite there.
package enum WritingOptions {
  /// Files that are written by way of `CommandFiles`.
  package static let files: [String: Set<String>] = [
    "train": ["--timeline", "--prometheus"], "evaluate": ["--html"], "embed": ["--out"],
    "cluster": ["--html", "--csv"],
    "sweep": ["--csv"], "import": ["--out"], "export": ["--out"], "pairs": ["--out"],
    "pack": ["--out"], "card": ["--out"], "align": ["--points", "--html"],
    "check": ["--out", "--html"],
  ]

  /// Folders that are empty, or a run's own, before they are written to.
  package static let folders: [String: Set<String>] = [
    "train": ["--out"], "sweep": ["--out"], "align": ["out"], "synthesize": ["out"],
  ]

  private static let stored: Set<String> = ["--embeddings", "--names"]

  /// What is read alone.
  package static let inputs: [String: Set<String>] = [
    "train": [
      "--config", "--data", "--landmarks", "--init", "--pairs", "--resume", "--teacher",
      "--exclude",
    ],
    "evaluate": stored.union([
      "checkpoint", "--data", "--pairs", "--landmarks", "--subsets", "--quality", "--exclude",
    ]),
    "embed": ["checkpoint", "--data", "--landmarks", "--detector", "--exclude"],
    "verify": stored.union(["words", "--landmarks", "--detector"]),
    "identify": stored.union(["words", "--landmarks", "--detector", "--gallery"]),
    "cluster": stored.union(["words", "--landmarks", "--detector"]),
    "sweep": [
      "checkpoint", "--data", "--pairs", "--with", "--config", "--landmarks", "--exclude",
    ],
    "ijb": stored.union(["words"]), "tinyface": stored.union(["words"]), "import": ["file"],
    "export": ["checkpoint"], "inspect": ["checkpoint"],
    "card": ["checkpoint", "--evaluation"], "compare": ["first", "second"],
    "pairs": stored.union(["data", "--exclude"]), "pack": ["data", "--pairs", "--exclude"],
    "check": stored.union(["data", "--pairs", "--exclude", "--against"]),
    "align": ["data", "--landmarks", "--detector"], "synthesize": [],
    // What a job would do, without doing it.
    "doctor": [
      "--config", "--data", "--landmarks", "--init", "--pairs", "--out", "--resume", "--timeline",
      "--prometheus", "--teacher", "--exclude",
    ],
  ]
}
