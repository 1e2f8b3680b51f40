//go:build race

package notice

// someOf is how many hostile texts one is tried of: under the race detector a
// loop without a goroutine takes fifteen times as long and finds no more.
const someOf = 7
