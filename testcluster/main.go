// Command testcluster is a Kubernetes control plane without nodes in one program, for tests: etcd, kube-apiserver,
// kube-controller-manager and kubectl, each under its own name; `serve`, which starts the first three on loopback; and `types`,
// which prints what OpenAPI does not tell of the API's types.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const usage = `usage: testcluster serve --dir DIR [--workloads]
       testcluster types
       testcluster etcd | kube-apiserver | kube-controller-manager | kubectl ARGUMENTS
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	name, arguments := os.Args[1], os.Args[2:]
	// The programs below look at their own name and arguments.
	os.Args = append([]string{name}, arguments...)
	switch name {
	case "serve":
		exit(serve(arguments))
	case "types":
		exit(writeTypes(os.Stdout))
	case "etcd":
		exit(runEtcd(arguments))
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	case "kubectl":
		os.Exit(runKubectl())
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}

func runKubectl() int {
	logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)) //nolint:errcheck // only how much is logged
	var command *cobra.Command = kubectl.NewDefaultKubectlCommand()
	return cli.Run(command)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "testcluster:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
