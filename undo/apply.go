package undo

import (
	"maps"
	"strings"

	"mimamori/event"
	"mimamori/journal"
)

// apply does a change to a state, field by field: only what differs between
// the change's before and after is taken over. It says whether the difference
// fits: it does not where it rests on something that the state lacks.
func apply(state journal.Value, c journal.Change) (journal.Value, bool) {
	switch c.Op {
	case event.Removed:
		return nil, true
	case event.Added:
		return maps.Clone(c.After), true
	}
	if state == nil {
		return maps.Clone(c.After), len(c.After) == 0
	}
	out, fits := carry(grow(state), grow(c.Before), grow(c.After))
	flat := journal.Value{}
	out.flatten("", flat)
	return flat, fits
}

// tree is a value as it nests: a leaf is JSON text, a branch a tree.
type tree map[string]any

// grow makes the tree of a flat value.
func grow(v journal.Value) tree {
	root := tree{}
	for path, raw := range v {
		at, parts := root, strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(tree)
			if !ok {
				next = tree{}
				at[p] = next
			}
			at = next
		}
		last := parts[len(parts)-1]
		if raw == "{}" {
			at[last] = tree{}
			continue
		}
		at[last] = raw
	}
	return root
}

func (t tree) flatten(path string, into journal.Value) {
	for k, v := range t {
		if path != "" {
			k = path + "." + k
		}
		switch v := v.(type) {
		case string:
			into[k] = v
		case tree:
			if len(v) == 0 {
				into[k] = "{}"
			}
			v.flatten(k, into)
		}
	}
}

// carry takes the difference between before and after over to state.
func carry(state, before, after tree) (tree, bool) {
	out, fits := maps.Clone(state), true
	for k, v := range after {
		was, there := before[k]
		if there && alike(was, v) {
			continue
		}
		branch, isBranch := v.(tree)
		wasBranch, wasOne := was.(tree)
		if !isBranch || !wasOne {
			out[k] = v // set whole
			continue
		}
		has, hasOne := out[k].(tree)
		if !hasOne {
			fits = false // inside something that state does not have
			continue
		}
		inner, ok := carry(has, wasBranch, branch)
		out[k], fits = inner, fits && ok
	}
	for k := range before {
		if _, still := after[k]; !still {
			delete(out, k)
		}
	}
	return out, fits
}

func alike(a, b any) bool {
	x, ok1 := a.(tree)
	y, ok2 := b.(tree)
	if !ok1 || !ok2 {
		return !ok1 && !ok2 && a == b
	}
	return maps.EqualFunc(x, y, alike)
}
