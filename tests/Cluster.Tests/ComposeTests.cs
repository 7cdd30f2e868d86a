using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Orleans.Personalize.Cluster.Tests;

public sealed class ComposeTests
{
    private static readonly string Text = Repository.Read("docker/compose.yaml");
    private static readonly JsonNode Compose = Assert.Single(Repository.Yaml(Text));
    private static readonly Dictionary<string, JsonNode> Services = ((JsonObject)Compose["services"]!).ToDictionary(entry => entry.Key, entry => entry.Value!);

    [Fact]
    public void It_has_what_a_cluster_needs() =>
        Assert.Equal(["collector", "gateway", "grafana", "postgres", "prometheus", "silo-1", "silo-2"], Services.Keys.Order());

    [Fact]
    public void It_names_only_files_that_exist()
    {
        var stages = Regex.Matches(Repository.Read("docker/Dockerfile"), @"^FROM .* AS (?<stage>\w+)$", RegexOptions.Multiline).Select(match => match.Groups["stage"].Value).ToList();
        Assert.All(Services.Values.Where(service => service["build"] is not null), service =>
        {
            Assert.True(File.Exists(Repository.PathOf("docker", service.Text("build.context")!, service.Text("build.dockerfile")!)));
            Assert.Contains(service.Text("build.target"), stages);
        });
        var mounts = Services.Values.SelectMany(service => service.Items("volumes")).Select(volume => volume.GetValue<string>().Split(':')[0]).ToList();
        Assert.All(mounts.Where(source => source[0] == '.'), source => Assert.True(Path.Exists(Repository.PathOf("docker", source)), source));
        Assert.All(mounts.Where(source => source[0] != '.'), source => Assert.True(((JsonObject)Compose["volumes"]!).ContainsKey(source), source));
    }

    [Fact]
    public void What_a_service_waits_for_can_say_that_it_is_ready() =>
        Assert.All(Services.Values.Select(service => service["depends_on"]).OfType<JsonObject>().SelectMany(dependencies => dependencies), dependency =>
        {
            Assert.Equal("service_healthy", dependency.Value.Text("condition"));
            // Our own images bring their check along.
            Assert.True(Services[dependency.Key]["healthcheck"] is not null || Services[dependency.Key]["build"] is not null);
        });

    [Fact]
    public void Only_this_machine_reaches_it() =>
        Assert.All(Services.Values.SelectMany(service => service.Items("ports")), port => Assert.StartsWith("127.0.0.1:", port.GetValue<string>(), StringComparison.Ordinal));

    [Fact]
    public void No_service_is_privileged_or_unbounded_or_writes_to_its_image() => Assert.All(Services.Values, service =>
    {
        Assert.Equal("true", service.Text("read_only"));
        Assert.Equal("ALL", Assert.Single(service.Items("cap_drop")).GetValue<string>());
        Assert.Contains("no-new-privileges:true", service.Items("security_opt").Select(option => option.GetValue<string>()));
        Assert.NotNull(service.Text("deploy.resources.limits.memory"));
        Assert.NotNull(service.Text("deploy.resources.limits.cpus"));
        Assert.Null(service["privileged"]);
    });

    [Fact]
    public void Secrets_come_from_a_file_that_is_not_in_the_repository()
    {
        var offered = File.ReadAllLines(Repository.PathOf("docker/.env.example")).Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        var used = Regex.Matches(Text, @"\$\{(\w+)(:\?)?").Select(match => (Name: match.Groups[1].Value, IsRequired: match.Groups[2].Success)).Distinct().ToList();
        Assert.Equal(offered.Keys.Order(), used.Select(variable => variable.Name).Order());
        // Required without a value in the example: nobody starts with a password that everyone knows.
        Assert.All(used.Where(variable => variable.IsRequired), variable => Assert.Empty(offered[variable.Name]));
        Assert.All(Services.Values.SelectMany(service => service.Map("environment")).Where(IsSecret), variable => Assert.Contains("${", variable.Value, StringComparison.Ordinal));
        Assert.Contains(".env", File.ReadAllLines(Repository.PathOf("docker/.gitignore")));
    }

    private static bool IsSecret(KeyValuePair<string, string?> variable) => Regex.IsMatch(variable.Key, "PASSWORD|AdminKey|LinkKeys|ConnectionStrings");

    [Fact]
    public void Connections_of_all_processes_fit_the_database()
    {
        var allowed = int.Parse(Regex.Match(Text, @"max_connections=(\d+)").Groups[1].Value);
        var perProcess = int.Parse(Regex.Match(Text, @"Maximum Pool Size=(\d+)").Groups[1].Value);
        var processes = Services.Values.Count(service => service["build"] is not null);
        // One more than usual while an upgrade replaces one, and ten for people and backups.
        Assert.True((processes + 1) * perProcess + 10 <= allowed);
    }
}
