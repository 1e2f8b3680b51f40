package mimamori_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The bounds of style: what is longer is two things in one place.
const (
	mostLines = 500 // of one file
	leastDoc  = 20  // words of a package comment
)

// TestTreeReadsWell holds every file of the tree to what a newcomer relies on:
// each package opens with a paragraph, each exported thing has a sentence,
// and no file is too long to read.
func TestTreeReadsWell(t *testing.T) {
	docs, folders := map[string]int{}, map[string]bool{}
	for _, file := range goFiles(t) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(src, []byte("\n")); n > mostLines {
			t.Errorf("%s has %d lines, at most %d: which second thing lives in it?", file, n, mostLines)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, file, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		dir := filepath.Dir(file)
		folders[dir] = true
		docs[dir] = max(docs[dir], len(strings.Fields(tree.Doc.Text())))
		for _, d := range tree.Decls {
			for _, name := range unexplained(set, d) {
				t.Errorf("%s: %s is exported and has no sentence saying what it is", set.Position(d.Pos()), name)
			}
		}
	}
	for dir := range folders {
		if docs[dir] < leastDoc {
			t.Errorf("package in %s has a comment of %d words: open it with a paragraph of what it is for, where in the flow, what it leaves to others", dir, docs[dir])
		}
	}
}

// unexplained names what a declaration exports without a comment. Methods of
// unexported types are exempt: nobody outside reads them. So are methods that
// satisfy a well-known interface, and methods of one line: they are a list.
func unexplained(set *token.FileSet, d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc != nil || !d.Name.IsExported() || !exportedReceiver(d) ||
			d.Recv != nil && (wellKnown[d.Name.Name] || set.Position(d.Pos()).Line == set.Position(d.End()).Line) {
			return nil
		}
		return []string{d.Name.Name}
	case *ast.GenDecl:
		var out []string
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					out = append(out, s.Name.Name)
				}
			case *ast.ValueSpec:
				if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil && !typedList(d) {
					out = append(out, s.Names[0].Name)
				}
			}
		}
		return out
	}
	return nil
}

var wellKnown = map[string]bool{
	"String": true, "Error": true, "Unwrap": true, "Is": true, "ServeHTTP": true, "Write": true, "Read": true, "Close": true,
	"Len": true, "Less": true, "Swap": true, "MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true, "Scan": true, "Value": true,
}

// typedList is a const list of one named kind: the type's comment says what
// its values are.
func typedList(d *ast.GenDecl) bool {
	if d.Tok != token.CONST || !d.Lparen.IsValid() {
		return false
	}
	first, ok := d.Specs[0].(*ast.ValueSpec)
	return ok && first.Type != nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	kind := d.Recv.List[0].Type
	for {
		switch k := kind.(type) {
		case *ast.StarExpr:
			kind = k.X
		case *ast.IndexExpr:
			kind = k.X
		case *ast.IndexListExpr:
			kind = k.X
		case *ast.Ident:
			return k.IsExported()
		default:
			return true
		}
	}
}

// goFiles finds the Go files of the module, built here or not.
func goFiles(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && name != "." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata") {
			return fs.SkipDir
		}
		if strings.HasSuffix(file, ".go") {
			out = append(out, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
