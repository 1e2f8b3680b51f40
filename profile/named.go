package profile

import (
	"encoding/json"
	"maps"
	"slices"
)

// Named are values by name, in order of their names and each name once; as
// JSON they are an object. A session has a dozen: to look through them takes
// less than to make a map, and a row of sessions was made of maps on every
// decision.
type Named[V any] []Entry[V]

// Entry is one of them.
type Entry[V any] struct {
	Name  string
	Value V
}

type (
	// Weights are signals with their log-odds.
	Weights = Named[float64]
	// Marks are acts with the unix second of the first time.
	Marks = Named[int64]
)

// NamedOf puts what a map holds in order; nil when it holds nothing.
func NamedOf[V any](m map[string]V) Named[V] {
	if len(m) == 0 {
		return nil
	}
	n := make(Named[V], 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		n = append(n, Entry[V]{name, m[name]})
	}
	return n
}

// Of finds the value of a name.
func (n Named[V]) Of(name string) (v V, ok bool) {
	for i := range n {
		if n[i].Name == name {
			return n[i].Value, true
		}
	}
	return v, false
}

// Value is the value of a name, zero when there is none.
func (n Named[V]) Value(name string) V {
	v, _ := n.Of(name)
	return v
}

// With has the value under the name, in place of what was there. As after
// append, nobody uses n itself any more.
func (n Named[V]) With(name string, v V) Named[V] {
	i := len(n)
	for i > 0 && n[i-1].Name >= name {
		i-- // most come in order
	}
	if i < len(n) && n[i].Name == name {
		n[i].Value = v
		return n
	}
	return slices.Insert(n, i, Entry[V]{name, v})
}

// Without has nothing under the name; nobody uses n itself any more.
func (n Named[V]) Without(name string) Named[V] {
	return slices.DeleteFunc(n, func(e Entry[V]) bool { return e.Name == name })
}

// MarshalJSON writes an object, as of a map.
func (n Named[V]) MarshalJSON() ([]byte, error) {
	m := make(map[string]V, len(n))
	for _, e := range n {
		m[e.Name] = e.Value
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads one.
func (n *Named[V]) UnmarshalJSON(b []byte) error {
	var m map[string]V
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*n = NamedOf(m)
	return nil
}
