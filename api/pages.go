package api

import "net/http"

var pageStyle = ""

type pages struct{}

func newPages(doc []byte) (*pages, error)                        { return &pages{}, nil }
func (p *pages) docs(w http.ResponseWriter, r *http.Request)     {}
func (p *pages) problems(w http.ResponseWriter, r *http.Request) {}
