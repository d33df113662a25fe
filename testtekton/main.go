// Does to PipelineRuns what Tekton's admission webhook does: strict decoding, defaults, validation. Nothing is started.
//
//	go run . FOLDER
//
// The folder holds one run a file, as scripts/try_pipelines.py --runs writes them. Tekton's release is the one that go.mod pins.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tektoncd/pipeline/pkg/apis/config"
	v1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"
)

func main() {
	names, err := filepath.Glob(filepath.Join(os.Args[len(os.Args)-1], "*.yaml"))
	if err != nil || len(names) == 0 {
		fmt.Fprintln(os.Stderr, "usage: go run . FOLDER, with a PipelineRun in each .yaml file of it")
		os.Exit(2)
	}
	refused := 0
	for _, name := range names {
		if err := admit(name); err != nil {
			fmt.Printf("%s: %v\n", name, err)
			refused++
		}
	}
	fmt.Printf("%d runs, %d refused\n", len(names), refused)
	if refused > 0 {
		os.Exit(1)
	}
}

// admit says why a run would be refused by a Tekton that is set up as it comes.
func admit(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	run := &v1.PipelineRun{}
	if err := yaml.UnmarshalStrict(text, run); err != nil {
		return err
	}
	defaults, err := config.NewDefaultsFromMap(map[string]string{})
	if err != nil {
		return err
	}
	flags, err := config.NewFeatureFlagsFromMap(map[string]string{})
	if err != nil {
		return err
	}
	settings := &config.Config{Defaults: defaults, FeatureFlags: flags}
	ctx := config.ToContext(apis.WithinCreate(context.Background()), settings)
	run.SetDefaults(ctx)
	if err := run.Validate(ctx); err != nil {
		return err
	}
	return nil
}
