using System.Security.Cryptography;

namespace Orleans.Personalize.Gateway.Security;

/// <param name="Output">A terminal, which is read by whoever started the process; null where output goes elsewhere, perhaps into logs that are kept.</param>
public sealed record LoginConsole(TextWriter? Output)
{
    public static readonly LoginConsole OfProcess = new(Console.IsOutputRedirected ? null : Console.Out);
}

/// <summary>
/// The link of the first start: it opens the dashboard with the first admin key, once and within a quarter of an hour. It is in the memory of the process
/// that printed it and nowhere else, and what is printed is not the key: afterwards it opens nothing.
/// </summary>
internal sealed class LoginLink(LoginConsole console, TimeProvider clock) : IDisposable
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);

    /// <summary>What the dashboard looks for behind the #, which browsers send to no server.</summary>
    private const string Fragment = "login";

    private readonly Lock gate = new();
    private Offer? offer;
    private ITimer? end;

    /// <summary>Prints the link, unless nobody would see it.</summary>
    /// <param name="address">Where the dashboard is, without a slash at its end.</param>
    public void Print(string address, string key)
    {
        if (console.Output is not { } output)
            return;
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        lock (gate)
        {
            offer = new(ApiKey.Hash(token), key, clock.GetUtcNow() + Lifetime);
            end?.Dispose();
            // A key that nobody may take any more need not stay in memory.
            end = clock.CreateTimer(static self => ((LoginLink)self!).Forget(), this, Lifetime, Timeout.InfiniteTimeSpan);
        }
        output.WriteLine($"\nOpen the dashboard, once and within {Lifetime.TotalMinutes:0} minutes:\n  {address}/#{Fragment}={token}\n");
    }

    /// <summary>The key, for the first who asks in time.</summary>
    public string? Take(string token)
    {
        var hash = ApiKey.Hash(token);
        lock (gate)
        {
            if (offer is not { } open || !CryptographicOperations.FixedTimeEquals(hash, open.Hash))
                return null;
            Forget();
            return clock.GetUtcNow() < open.Until ? open.Key : null;
        }
    }

    public void Dispose() => Forget();

    private void Forget()
    {
        lock (gate)
        {
            offer = null;
            end?.Dispose();
            end = null;
        }
    }

    private sealed record Offer(byte[] Hash, string Key, DateTimeOffset Until);
}
