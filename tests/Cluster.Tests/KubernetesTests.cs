using System.Text.Json.Nodes;

namespace Orleans.Personalize.Cluster.Tests;

public sealed class KubernetesTests
{
    public static TheoryData<string> Overlays => [.. Overlay.Names];

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Everything_is_in_one_namespace_of_the_restricted_profile(string name)
    {
        var overlay = Overlay.Of(name);
        var space = Assert.Single(overlay.OfKind("Namespace"));
        Assert.Equal("restricted", space.At("metadata.labels")!["pod-security.kubernetes.io/enforce"]!.GetValue<string>());
        Assert.All(overlay.Objects.Where(item => item != space), item => Assert.Equal(space.Text("metadata.name"), item.Text("metadata.namespace")));
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void No_pod_is_root_or_may_become_it_or_writes_to_its_image(string name)
    {
        var overlay = Overlay.Of(name);
        Assert.NotEmpty(overlay.Workloads);
        Assert.All(overlay.Workloads, workload =>
        {
            var pod = workload.At("spec.template.spec");
            Assert.Equal("true", pod.Text("securityContext.runAsNonRoot"));
            Assert.NotEqual(0, pod.Number("securityContext.runAsUser"));
            Assert.Equal("RuntimeDefault", pod.Text("securityContext.seccompProfile.type"));
            Assert.Equal("false", pod.Text("automountServiceAccountToken"));
            Assert.Null(pod.At("hostNetwork"));
        });
        Assert.All(overlay.Containers, container =>
        {
            Assert.Equal("false", container.Text("securityContext.allowPrivilegeEscalation"));
            Assert.Equal("true", container.Text("securityContext.readOnlyRootFilesystem"));
            Assert.Equal("ALL", Assert.Single(container.Items("securityContext.capabilities.drop")).GetValue<string>());
            Assert.Null(container.At("securityContext.privileged"));
        });
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Liveness_calls_no_grain_and_readiness_asks_the_journal(string name)
    {
        foreach (var container in new[] { "silo", "gateway" }.Select(component => Container(Overlay.Of(name), component)))
        {
            Assert.Equal("/health/live", container.Text("startupProbe.httpGet.path"));
            Assert.Equal("/health/live", container.Text("livenessProbe.httpGet.path"));
            Assert.Equal("/health/ready", container.Text("readinessProbe.httpGet.path"));
            Assert.All(
                new[] { "startupProbe", "livenessProbe", "readinessProbe" },
                probe => Assert.Equal("8080", PortNamed(container, container.Text($"{probe}.httpGet.port")!)));
        }
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void An_upgrade_starts_the_new_before_it_stops_the_old(string name)
    {
        Assert.All(Overlay.Of(name).OfKind("Deployment"), deployment =>
        {
            Assert.Equal(0, deployment.Number("spec.strategy.rollingUpdate.maxUnavailable"));
            Assert.True(deployment.Number("spec.strategy.rollingUpdate.maxSurge") > 0);
        });
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void The_grace_period_fits_draining(string name)
    {
        Assert.All(Overlay.Of(name).OfKind("Deployment"), deployment =>
        {
            var container = Container(Overlay.Of(name), deployment.Text("metadata.name")!);
            var waits = container.Items("lifecycle.preStop.exec.command").LastOrDefault()?.GetValue<string>() ?? "0";
            var drains = container.Items("env").Single(variable => variable.Text("name") == "DOTNET_shutdownTimeoutSeconds").Number("value");
            // Ten seconds to flush metrics and traces after that.
            Assert.True(deployment.Number("spec.template.spec.terminationGracePeriodSeconds") >= int.Parse(waits) + drains + 10);
        });
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Every_container_says_what_it_needs_and_has_a_memory_limit(string name)
    {
        Assert.All(Overlay.Of(name).Containers, container =>
        {
            Assert.NotNull(container.Text("resources.requests.cpu"));
            Assert.NotNull(container.Text("resources.requests.memory"));
            Assert.Equal(container.Text("resources.requests.memory"), container.Text("resources.limits.memory"));
            var image = container.Text("image")!;
            Assert.Contains(':', image);
            Assert.False(image.EndsWith(":latest", StringComparison.Ordinal));
        });
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void No_secret_is_in_the_files(string name)
    {
        var overlay = Overlay.Of(name);
        Assert.Empty(overlay.OfKind("Secret"));
        Assert.DoesNotContain("Password=", overlay.Text, StringComparison.OrdinalIgnoreCase);
        string[] secrets = ["ConnectionStrings__Personalize", "Personalize__AdminKey", "Personalize__LinkKeys__0", "POSTGRES_PASSWORD"];
        var variables = overlay.Containers.SelectMany(container => container.Items("env")).Where(variable => secrets.Contains(variable.Text("name"))).ToList();
        Assert.NotEmpty(variables);
        Assert.All(variables, variable => Assert.Equal("personalize", variable.Text("valueFrom.secretKeyRef.name")));
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void Neither_a_node_nor_a_zone_nor_maintenance_takes_all_silos(string name)
    {
        var overlay = Overlay.Of(name);
        Assert.All(overlay.OfKind("Deployment"), deployment =>
        {
            var labels = deployment.Map("spec.template.metadata.labels");
            var spread = deployment.Items("spec.template.spec.topologySpreadConstraints").ToList();
            Assert.Equal(["topology.kubernetes.io/zone", "kubernetes.io/hostname"], spread.Select(constraint => constraint.Text("topologyKey")));
            Assert.All(spread, constraint => Assert.True(constraint.At("labelSelector").Selects(labels)));
            var budget = Assert.Single(overlay.OfKind("PodDisruptionBudget"), budget => budget.At("spec.selector").Selects(labels));
            Assert.Equal(1, budget.Number("spec.maxUnavailable"));
        });
    }

    [KubectlTheory, MemberData(nameof(Overlays))]
    public void What_is_referred_to_exists(string name)
    {
        var overlay = Overlay.Of(name);
        Assert.All(overlay.Workloads, workload => Assert.True(workload.At("spec.selector").Selects(workload.Map("spec.template.metadata.labels"))));
        Assert.All(overlay.OfKind("Deployment"), deployment => overlay.Named("ServiceAccount", deployment.Text("spec.template.spec.serviceAccountName")!));
        Assert.All(
            overlay.Containers.SelectMany(container => container.Items("envFrom")),
            source => overlay.Named("ConfigMap", source.Text("configMapRef.name")!));
        Assert.All(overlay.OfKind("Service"), service =>
        {
            var selector = service.Map("spec.selector");
            var target = Assert.Single(overlay.Workloads, workload =>
                selector.All(wanted => workload.Map("spec.template.metadata.labels").GetValueOrDefault(wanted.Key) == wanted.Value));
            var container = Assert.Single(target.Items("spec.template.spec.containers"));
            Assert.All(service.Items("spec.ports"), port => PortNamed(container, port.Text("targetPort")!));
        });
    }

    [KubectlTheory, InlineData("production")]
    public void Production_has_three_silos_and_two_gateways_at_least(string name)
    {
        var overlay = Overlay.Of(name);
        foreach (var (target, atLeast) in new[] { ("silo", 3), ("gateway", 2) })
        {
            var scaler = Assert.Single(overlay.OfKind("HorizontalPodAutoscaler"), scaler => scaler.Text("spec.scaleTargetRef.name") == target);
            Assert.True(scaler.Number("spec.minReplicas") >= atLeast);
            Assert.True(scaler.Number("spec.maxReplicas") > scaler.Number("spec.minReplicas"));
            // A count in the Deployment would undo the autoscaler's at every apply.
            Assert.Null(overlay.Named("Deployment", target).At("spec.replicas"));
        }
        Assert.Empty(overlay.OfKind("StatefulSet"));
    }

    internal static JsonNode Container(Overlay overlay, string component) =>
        Assert.Single(overlay.Named("Deployment", component).Items("spec.template.spec.containers"));

    private static string PortNamed(JsonNode container, string name) =>
        container.Items("ports").Single(port => port.Text("name") == name).Text("containerPort")!;
}
