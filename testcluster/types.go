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

// What JSON does with a field that is empty, which OpenAPI does not tell; else the field is written with the value told.
const (
	leftOut = "left out"
	object  = "object" // a struct, written as {} at least
	written = "= "
)

// writeTypes prints, for each type of the API by the name that OpenAPI has for it, what becomes of its fields where they are
// empty. Optional pointers, lists and maps are not mentioned: they are left out where there is none.
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
	isOptional := strings.Contains(options, "omitempty")
	switch goType.Kind() {
	case reflect.Struct:
		if strings.Contains(options, "omitzero") {
			return ""
		}
		if _, writesItself := reflect.New(goType).Interface().(json.Marshaler); !writesItself {
			return object
		}
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		if isOptional {
			return ""
		}
	default:
		if isOptional {
			return leftOut
		}
	}
	empty, err := json.Marshal(reflect.New(goType).Interface())
	if err != nil {
		return ""
	}
	return written + string(empty)
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
