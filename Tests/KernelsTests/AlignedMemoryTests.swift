import Kernels
import Testing

@Suite struct AlignedMemoryTests {
  @Test(arguments: [0, 1, 17, 600_000])
  func memoryIsAlignedAndFilled(count: Int) {
    let memory = AlignedMemory(count: count, fill: 1.5)
    let doubles = AlignedDoubles(count: count, fill: -2)
    let large = count * 4 > 2 << 20
    #expect(Int(bitPattern: memory.pointer) % (large ? 2 << 20 : 64) == 0)
    #expect(Int(bitPattern: doubles.pointer) % (large ? 2 << 20 : 64) == 0)
    #expect(memory.count == count && memory.bytes == 4 * count && doubles.bytes == 8 * count)
    #expect((0..<count).allSatisfy { memory.pointer[$0] == 1.5 && doubles.pointer[$0] == -2 })
  }
}
