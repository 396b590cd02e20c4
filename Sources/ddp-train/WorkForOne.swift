internal import ArgumentParser

/// A command that one process does, started by itself or by a launcher among others.
protocol WorkForOne: ParsableCommand {}
