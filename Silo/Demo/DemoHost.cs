using System.Security.Cryptography;

namespace Orleans.Personalize.Silo.Demo;

/// <summary>
/// The command <c>demo</c>: the whole product on an empty data directory that goes when it ends, with sample triggers, templates and a sender, and
/// shoppers who come in over the same HTTP API as real ones.
/// </summary>
public static class DemoHost
{
    public static async Task<int> RunAsync(string[] args)
    {
        var directory = Directory.CreateTempSubdirectory("personalize-demo-").FullName;
        try
        {
            await using var app = Build(args, directory, Console.Out);
            return await SiloHost.RunAsync(app);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    public static WebApplication Build(string[] args, string directory, TextWriter console)
    {
        var key = "demo-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));
        return SiloHost.Build(args, builder =>
        {
            builder.Configuration.AddInMemoryCollection(
            [
                new("Personalize:DataDirectory", directory),
                new("Personalize:AdminKey", key),
                new("Logging:LogLevel:Default", "Warning"),
            ]);
            builder.Services.AddSingleton(new DemoSettings(key, console));
            builder.Services.AddHostedService<Narrator>();
            builder.Services.AddHostedService<Shoppers>();
        });
    }
}

/// <param name="Key">The admin key of this run.</param>
internal sealed record DemoSettings(string Key, TextWriter Console);
