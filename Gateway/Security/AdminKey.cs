using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Orleans.Personalize.Gateway.Security;

/// <summary>The first key of an installation: without it nobody could make any.</summary>
internal sealed class AdminKey(
    IGrainFactory grains,
    IOptions<GatewayOptions> options,
    LoginLink login,
    IServer server,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<AdminKey> logger)
{
    /// <summary>
    /// Makes an admin key, keeps it in the data directory where only this user can read it, and says how to use it. Does nothing
    /// where one is configured. Waits until the server listens: a start that fails, say on a taken port, is not the first, and
    /// would leave behind a key that nobody was told of.
    /// </summary>
    public async Task CreateAsync(CancellationToken cancellation)
    {
        if (!string.IsNullOrEmpty(options.Value.AdminKey))
            return;

        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (lifetime.ApplicationStarted.Register(started.SetResult))
            await started.Task.WaitAsync(cancellation);
        var (id, key) = ApiKey.Create();
        var path = Path.GetFullPath(Path.Combine(options.Value.DataDirectory, "admin-key"));
        // First the file: a stored key that nobody holds would keep the next start from making another.
        await WriteAsync(path, key);
        var document = new KeyDocument("first admin key", Roles.Admin, KeyRing.DefaultWorkspace, Convert.ToHexStringLower(ApiKey.Hash(key)), time.GetUtcNow());
        var put = await grains.GetGrain<IRegistryGrain>(IRegistryGrain.Installation).Put(RegistryKind.Key, id, document.ToJson());
        if (put.Stored is null)
            throw new InvalidOperationException($"The registry refused the first admin key: {string.Join("; ", put.Errors.Select(error => error.Detail))}");
        logger.AdminKeyCreated(path, Address());
        login.Print(Address(), key);
    }

    /// <summary>Where this machine's browser finds the server. One that listens on every address is not at that address.</summary>
    private string Address()
    {
        var address = server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault()?.TrimEnd('/') ?? "http://127.0.0.1:5080";
        return address.Replace("//0.0.0.0:", "//localhost:", StringComparison.Ordinal).Replace("//[::]:", "//localhost:", StringComparison.Ordinal);
    }

    private static async Task WriteAsync(string path, string key)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // A file that is there already would keep its mode.
        File.Delete(path);
        var settings = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            settings.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var file = new StreamWriter(path, settings);
        await file.WriteAsync(key);
    }
}
