package undo

import (
	"maps"
	"slices"
	"strings"

	"mimamori/event"
	"mimamori/journal"
)

// apply does a change to a state, field by field: only what differs between
// the change's before and after is taken over. built keeps the paths, as in
// Flatten, under which the outcome rests on something that the state lacked:
// a path is dropped again once it is set anew or taken away whole. The path
// whole is the thing itself.
func apply(state journal.Value, c journal.Change, built map[string]bool) journal.Value {
	switch c.Op {
	case event.Removed:
		clear(built)
		return nil
	case event.Added:
		clear(built)
		return maps.Clone(c.After)
	}
	if state == nil {
		if len(c.After) > 0 {
			built[whole] = true
		}
		return maps.Clone(c.After)
	}
	flat := journal.Value{}
	carry(grow(state), grow(c.Before), grow(c.After), "", built).flatten("", flat)
	return flat
}

const whole = ""

// within says that a path is another one or lies below it.
func within(path, top string) bool {
	return top == whole || path == top || strings.HasPrefix(path, top+".")
}

// taking gives to with what from has at and below the paths.
func taking(to, from journal.Value, paths []string) journal.Value {
	at := func(field, _ string) bool {
		return slices.ContainsFunc(paths, func(p string) bool { return within(field, p) })
	}
	out := maps.Clone(to)
	maps.DeleteFunc(out, at)
	for field, raw := range from {
		if at(field, raw) {
			out[field] = raw
		}
	}
	return out
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
		k = join(path, k)
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

// carry takes the difference between before and after, at a path, over to state.
func carry(state, before, after tree, path string, built map[string]bool) tree {
	out := maps.Clone(state)
	for k, v := range after {
		was, there := before[k]
		if there && alike(was, v) {
			continue
		}
		field := join(path, k)
		branch, isBranch := v.(tree)
		wasBranch, wasOne := was.(tree)
		if !isBranch || !wasOne {
			out[k] = v
			setWhole(built, field)
			continue
		}
		has, hasOne := out[k].(tree)
		if !hasOne {
			built[field] = true // inside something that state does not have
			continue
		}
		out[k] = carry(has, wasBranch, branch, field, built)
	}
	for k := range before {
		if _, still := after[k]; !still {
			delete(out, k)
			setWhole(built, join(path, k))
		}
	}
	return out
}

// setWhole drops what was built at and below a path that is now set anew.
func setWhole(built map[string]bool, path string) {
	maps.DeleteFunc(built, func(p string, _ bool) bool { return within(p, path) })
}

func join(path, k string) string {
	if path == "" {
		return k
	}
	return path + "." + k
}

func alike(a, b any) bool {
	x, ok1 := a.(tree)
	y, ok2 := b.(tree)
	if !ok1 || !ok2 {
		return !ok1 && !ok2 && a == b
	}
	return maps.EqualFunc(x, y, alike)
}
