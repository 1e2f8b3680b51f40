//go:build !race

package notice

// someOf is how many hostile texts one is tried of: all.
const someOf = 1
