// Prints what Kubernetes' internal types look like in messages, as the embedded API needs it. In testcluster/:
//
//	go run ../scripts/internal_types.go | gzip -9n > ../src/jx/adapters/local/kubernetes/internal_types.json.gz
//
// Values in refusals ("Invalid value: {...}: field is immutable") are of internal types, which have fields of their own, in their own
// order, under their Go names. For each type of the API, by the name that OpenAPI has for it, this tells the fields of its internal
// type: the printed name ("" where the fields of the value are printed in its place), the name in the API ("" for none), and what is
// printed where the field is empty (nothing where it is left out then).
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
)

type field struct {
	printed string
	name    string
	empty   json.RawMessage
}

func (f field) MarshalJSON() ([]byte, error) {
	if f.empty == nil {
		return json.Marshal([]any{f.printed, f.name})
	}
	return json.Marshal([]any{f.printed, f.name, f.empty})
}

func main() {
	found := map[string][]field{}
	for kind, internal := range legacyscheme.Scheme.AllKnownTypes() {
		if kind.Version != runtime.APIVersionInternal || strings.HasPrefix(internal.PkgPath(), "k8s.io/apimachinery") {
			continue
		}
		if external, ok := legacyscheme.Scheme.AllKnownTypes()[kind.GroupKind().WithVersion("v1")]; ok {
			note(internal, external, found)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		panic(err)
	}
}

func note(internal, external reflect.Type, found map[string][]field) {
	internal, external = bare(internal), bare(external)
	if internal.Kind() != reflect.Struct || external.Kind() != reflect.Struct {
		return
	}
	if _, writesItself := reflect.New(internal).Interface().(json.Marshaler); writesItself {
		return
	}
	name := openAPIName(external)
	if _, seen := found[name]; seen {
		return
	}
	found[name] = nil
	found[name] = fields(internal, external, found)
}

func fields(internal, external reflect.Type, found map[string][]field) []field {
	var made []field
	for i := range internal.NumField() {
		inner := internal.Field(i)
		key, _, _ := strings.Cut(inner.Tag.Get("json"), ",")
		if inner.Anonymous && key == "" {
			// The fields of what is embedded are printed among the others: by their own names where they have some.
			if outer, ok := external.FieldByName(inner.Name); ok && bare(outer.Type) != bare(inner.Type) {
				made = append(made, fields(bare(inner.Type), bare(outer.Type), found)...)
			} else if !ok {
				made = append(made, fields(bare(inner.Type), external, found)...)
			} else {
				note(inner.Type, outer.Type, found)
				made = append(made, field{name: jsonName(outer)})
			}
			continue
		}
		printed := inner.Name
		if key != "" {
			printed = key
		}
		one := field{printed: printed, empty: emptyOf(inner)}
		if outer, ok := external.FieldByName(inner.Name); ok {
			one.name = jsonName(outer)
			note(inner.Type, outer.Type, found)
		}
		made = append(made, one)
	}
	return made
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// What is printed for an empty field; nothing where such a field is left out.
func emptyOf(field reflect.StructField) json.RawMessage {
	if strings.Contains(field.Tag.Get("json"), "omit") {
		return nil
	}
	empty, err := json.Marshal(reflect.New(field.Type).Interface())
	if err != nil {
		panic(err)
	}
	return empty
}

func bare(goType reflect.Type) reflect.Type {
	for goType.Kind() == reflect.Pointer || goType.Kind() == reflect.Slice || goType.Kind() == reflect.Map {
		goType = goType.Elem()
	}
	return goType
}

// openAPIName is the package with its host's parts reversed, and the type: io.k8s.api.apps.v1.Deployment.
func openAPIName(goType reflect.Type) string {
	host, path, _ := strings.Cut(goType.PkgPath(), "/")
	parts := strings.Split(host, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".") + "." + strings.ReplaceAll(path, "/", ".") + "." + goType.Name()
}
