/// A network as a table: layer, output, parameters, multiply-adds.
package enum ModelTable {
  /// The header, a line a layer of `network`, and the totals.
  package static func lines(_ network: Network) -> [String] {
    func row(_ cells: [String]) -> String {
      let widths = [30, 14, 12, 14]
      return zip(cells, widths).enumerated().map { index, pair in
        let padding = String(repeating: " ", count: max(0, pair.1 - pair.0.count))
        return index == 0 ? pair.0 + padding : padding + pair.0
      }.joined(separator: " ")
    }
    return [row(["layer", "output", "parameters", "multiply-adds"])]
      + network.layers.map {
        row([
          $0.summary, "\($0.output.shape)", "\($0.parameters.count)", "\($0.multiplyAdds)",
        ])
      }
      + [row(["total", "", "\(network.parameterCount)", "\(network.multiplyAdds)"])]
  }
}
