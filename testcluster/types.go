package main

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apimachinery/pkg/runtime"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver/scheme"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/controlplane"
)

// What JSON does with a field that is empty, which OpenAPI does not tell.
const (
	leftOut = "left out" // an empty text, number or flag is not written
	always  = "always"   // written though empty
	null    = "null"     // an empty list, map or pointer is written as null
	object  = "object"   // a struct, written as {} at least
)

// writeTypes prints, for each type of the API by the name that OpenAPI has for it, what becomes of its fields where they are
// empty; optional pointers, lists and maps are not mentioned: they are left out where there is none.
func writeTypes(out io.Writer) error {
	found := map[string]map[string]string{}
	for _, scheme := range []*runtime.Scheme{legacyscheme.Scheme, apiextensions.Scheme, aggregator.Scheme} {
		for kind, goType := range scheme.AllKnownTypes() {
			if kind.Version != runtime.APIVersionInternal {
				note(goType, found)
			}
		}
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", " ")
	return encoder.Encode(found)
}

func note(goType reflect.Type, found map[string]map[string]string) {
	switch goType.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		note(goType.Elem(), found)
		return
	case reflect.Struct:
	default:
		return
	}
	name := openAPIName(goType)
	if _, seen := found[name]; seen || name == "" {
		return
	}
	fields := map[string]string{}
	found[name] = fields
	noteFields(goType, fields, found)
}

func noteFields(goType reflect.Type, fields map[string]string, found map[string]map[string]string) {
	for i := range goType.NumField() {
		field := goType.Field(i)
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if key == "-" || !field.IsExported() {
			continue
		}
		if strings.Contains(options, "inline") || (field.Anonymous && key == "") {
			inner := field.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				noteFields(inner, fields, found)
			}
			continue
		}
		if key == "" {
			continue
		}
		note(field.Type, found)
		if what := whenEmpty(field.Type, options); what != "" {
			fields[key] = what
		}
	}
}

func whenEmpty(goType reflect.Type, options string) string {
	optional := strings.Contains(options, "omitempty")
	switch goType.Kind() {
	case reflect.Struct:
		if strings.Contains(options, "omitzero") {
			return ""
		}
		if _, writesItself := reflect.New(goType).Interface().(json.Marshaler); writesItself {
			return always
		}
		return object
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		if optional {
			return ""
		}
		return null
	default:
		if optional {
			return leftOut
		}
		return always
	}
}

// openAPIName is the package with its host's parts reversed, and the type: io.k8s.api.apps.v1.Deployment.
func openAPIName(goType reflect.Type) string {
	host, path, _ := strings.Cut(goType.PkgPath(), "/")
	if path == "" || goType.Name() == "" {
		return ""
	}
	parts := strings.Split(host, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".") + "." + strings.ReplaceAll(path, "/", ".") + "." + goType.Name()
}
