using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>With TLS the members of a cluster are those who have a certificate of its authority.</summary>
[Collection(ClusterCollection.Name)]
public sealed class ClusterTlsTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("personalize-tls-").FullName;

    [PostgresFact]
    public async Task Members_show_each_other_certificates_of_their_authority_and_let_no_stranger_in()
    {
        using var authority = Authority("ours");
        using var strangers = Authority("theirs");
        using var member = Issue(authority);
        using var stranger = Issue(strangers);
        await using var cluster = await LocalCluster.CreateAsync(
            ("Personalize__Cluster__Tls__Certificate", Write("tls.crt", member.ExportCertificatePem())),
            ("Personalize__Cluster__Tls__Key", Write("tls.key", member.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem())),
            ("Personalize__Cluster__Tls__Authority", Write("ca.crt", authority.ExportCertificatePem())));
        var silos = await cluster.StartSilosAsync(2);
        var gateway = await cluster.StartGatewayAsync();
        await cluster.ActiveAsync(2);
        ClusterMember[] members = [.. silos, gateway];
        for (var index = 0; index < 12; index++)
            Assert.NotNull(await members[index % 3].Client.PostAsync(ClusterApi.Event($"customer-{index % 4}", "Product Viewed", $"m-{index}")));
        for (var customer = 0; customer < 4; customer++)
            Assert.Equal(3, (await gateway.Client.CustomerAsync($"customer-{customer}")).GetProperty("counters").GetProperty("Product Viewed").GetProperty("count").GetInt32());

        Assert.True(await IsLetInAsync(silos[0].SiloPort, member).WaitAsync(Eventually.Patience));
        foreach (var port in new[] { silos[0].SiloPort, silos[0].GatewayPort })
        {
            Assert.False(await IsLetInAsync(port, stranger).WaitAsync(Eventually.Patience));
            Assert.False(await IsLetInAsync(port, null).WaitAsync(Eventually.Patience));
        }
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    /// <summary>
    /// Whether the silo, which begins by saying who it is, says anything. It looks at the certificate when its client already takes the handshake for done.
    /// </summary>
    private static async Task<bool> IsLetInAsync(int port, X509Certificate2? certificate)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port);
        await using var tls = new SslStream(tcp.GetStream(), leaveInnerStreamOpen: false, static (_, shown, _, _) => shown?.Issuer == "CN=ours");
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "personalize", ClientCertificates = certificate is null ? [] : [certificate] });
            return await tls.ReadAsync(new byte[1]) > 0;
        }
        catch (Exception refusal) when (refusal is IOException or AuthenticationException)
        {
            return false;
        }
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private static X509Certificate2 Issue(X509Certificate2 authority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=silo", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], critical: false));
        using var issued = request.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    private string Write(string name, string pem)
    {
        var path = Path.Combine(directory, name);
        File.WriteAllText(path, pem);
        return path;
    }
}
