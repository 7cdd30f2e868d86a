using System.Text.Json.Nodes;

namespace Orleans.Personalize.Cluster.Tests;

public sealed class NetworkPolicyTests
{
    [KubectlTheory]
    [InlineData("silo", "silo", 11111, true)]
    [InlineData("gateway", "silo", 30000, true)]
    [InlineData("silo", "postgres", 5432, true)]
    [InlineData("gateway", "postgres", 5432, true)]
    [InlineData("gateway", "silo", 11111, false)]
    [InlineData("gateway", "silo", 8080, false)]
    [InlineData("silo", "silo", 8080, false)]
    [InlineData("silo", "gateway", 8080, false)]
    [InlineData("postgres", "silo", 11111, false)]
    [InlineData("postgres", "gateway", 8080, false)]
    [InlineData("postgres", "postgres", 5432, false)]
    public void Pods_talk_where_they_have_to_and_nowhere_else(string from, string to, int port, bool allowed)
    {
        var overlay = Overlay.Of("dev");
        Assert.Equal(allowed, Allows(overlay, from, "Egress", to, port) && Allows(overlay, to, "Ingress", from, port));
    }

    [KubectlTheory, InlineData("dev"), InlineData("production")]
    public void What_no_policy_allows_is_refused(string name)
    {
        var policies = Overlay.Of(name).OfKind("NetworkPolicy").ToList();
        var denial = Assert.Single(policies, policy => policy.Text("metadata.name") == "default-deny");
        Assert.Empty(denial.Map("spec.podSelector.matchLabels"));
        Assert.Equal(["Egress", "Ingress"], denial.Items("spec.policyTypes").Select(type => type.GetValue<string>()).Order());
        // A rule without peers or ports would allow all of them.
        Assert.All(policies, policy => Assert.All(new[] { ("ingress", "from"), ("egress", "to") }, direction =>
            Assert.All(policy.Items($"spec.{direction.Item1}"), rule =>
            {
                Assert.NotEmpty(rule.Items(direction.Item2));
                Assert.NotEmpty(rule.Items("ports"));
            })));
    }

    [KubectlTheory, InlineData("dev"), InlineData("production")]
    public void Requests_come_from_labelled_namespaces_only(string name)
    {
        var gateway = Overlay.Of(name).Named("NetworkPolicy", "gateway");
        var rule = Assert.Single(gateway.Items("spec.ingress"));
        Assert.NotEmpty(Assert.Single(rule.Items("from")).Map("namespaceSelector.matchLabels"));
        Assert.Equal(8080, Assert.Single(rule.Items("ports")).Number("port"));
    }

    [KubectlTheory, InlineData("dev"), InlineData("production")]
    public void Webhooks_do_not_reach_private_addresses(string name)
    {
        var toAnywhere = Overlay.Of(name).Named("NetworkPolicy", "silo").Items("spec.egress").SelectMany(rule => rule.Items("to"))
            .Where(peer => peer.At("ipBlock") is not null).ToList();
        Assert.NotEmpty(toAnywhere);
        Assert.All(toAnywhere, peer => Assert.NotEmpty(peer.Items("ipBlock.except")));
        var excepted = toAnywhere.SelectMany(peer => peer.Items("ipBlock.except")).Select(block => block.GetValue<string>()).ToList();
        string[] privates = ["10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"];
        Assert.Empty(privates.Except(excepted));
    }

    /// <summary>Whether any policy of a pod lets it exchange TCP with another pod of the same namespace; there is a policy that denies the rest.</summary>
    private static bool Allows(Overlay overlay, string pod, string direction, string peer, int port)
    {
        var (rules, peers) = direction == "Egress" ? ("spec.egress", "to") : ("spec.ingress", "from");
        var (labels, others) = (Labels(overlay, pod), Labels(overlay, peer));
        return overlay.OfKind("NetworkPolicy")
            .Where(policy => policy.At("spec.podSelector").Selects(labels) && policy.Items("spec.policyTypes").Any(type => type.GetValue<string>() == direction))
            .SelectMany(policy => policy.Items(rules))
            .Any(rule => rule.Items("ports").Any(one => one.Number("port") == port && one.Text("protocol") == "TCP")
                && rule.Items(peers).Any(one => one.At("namespaceSelector") is null && one.At("podSelector") is { } selector && selector.Selects(others)));
    }

    private static Dictionary<string, string?> Labels(Overlay overlay, string pod) =>
        overlay.Workloads.Single(workload => workload.Text("metadata.name") == pod).Map("spec.template.metadata.labels");
}
