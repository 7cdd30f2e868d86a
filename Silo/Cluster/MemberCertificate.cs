using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orleans.Connections.Security;

namespace Orleans.Personalize.Silo.Cluster;

/// <summary>
/// What a member of the cluster shows to the others and asks of them. Both sides of a connection show a certificate; whoever has one of the
/// authority is a member. Host names say nothing here: members reach each other by address.
/// </summary>
internal sealed class MemberCertificate(TlsSettings settings)
{
    /// <summary>In the handshake a client names whom it wants to reach; what is checked is the authority.</summary>
    private const string Name = "personalize";

    private readonly Lock reading = new();
    private DateTime readAt;
    private X509Certificate2 certificate = null!;
    private X509Certificate2Collection authorities = [];

    /// <summary>What is wrong with the files; null when nothing is.</summary>
    public static string? ProblemOf(TlsSettings settings)
    {
        if (!settings.IsOn)
            return null;
        if (string.IsNullOrEmpty(settings.Key))
            return $"{ClusterSettings.Section}:Tls:Key must name the private key of {ClusterSettings.Section}:Tls:Certificate.";
        try
        {
            new MemberCertificate(settings).Refresh();
            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            return $"The files of {ClusterSettings.Section}:Tls cannot be used: {failure.Message}";
        }
    }

    public void Apply(TlsOptions tls)
    {
        tls.LocalServerCertificateSelector = (_, _) => Current().Certificate;
        tls.LocalClientCertificateSelector = (_, _, _, _, _) => Current().Certificate;
        tls.OnAuthenticateAsClient = static (_, handshake) => handshake.TargetHost = Name;
        tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.RemoteCertificateValidation = (shown, _, _) => IsMember(shown);
    }

    private bool IsMember(X509Certificate2 shown)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(Current().Authorities);
        // An authority of a cluster's own publishes no list of what it revoked.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(shown);
    }

    private (X509Certificate2 Certificate, X509Certificate2Collection Authorities) Current()
    {
        lock (reading)
        {
            try
            {
                Refresh();
            }
            catch (Exception failure) when (readAt != default && failure is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
            {
                // The files are just being replaced: what was read last still holds.
            }
            return (certificate, authorities);
        }
    }

    private void Refresh()
    {
        string[] files = [settings.Certificate!, settings.Key!, settings.Authority ?? settings.Certificate!];
        var changedAt = files.Max(File.GetLastWriteTimeUtc);
        if (changedAt == readAt)
            return;
        var read = X509Certificate2.CreateFromPemFile(files[0], files[1]);
        var trusted = new X509Certificate2Collection();
        trusted.ImportFromPemFile(files[2]);
        (certificate, authorities, readAt) = (read, trusted, changedAt);
    }
}
